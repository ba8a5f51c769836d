import type { ReportedCall } from '../../domain/calls/call.ts';
import { readJsonRecords } from '../bodies/json-records.ts';
import { malformed, type Parser, readRecord } from '../record.ts';

/**
 * Reads a JSON body with a call in each record.
 * @param read may throw MalformedRecord; returns undefined where the record is not billed
 */
export function readJsonCalls(
  body: Buffer,
  read: (record: Record<string, unknown>) => ReportedCall | undefined,
): ReturnType<Parser> {
  return readJsonRecords(body, {
    damaged: malformed,
    read: (record, origin) => readRecord(origin, () => read(record)),
  });
}
