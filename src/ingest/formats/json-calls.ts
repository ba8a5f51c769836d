import type { ReportedCall } from '../../domain/calls/call.ts';
import { readJsonRecords } from '../bodies/json-records.ts';
import { malformed, type Parser, readRecord } from '../record.ts';

/**
 * Reads a body of JSON, one call from each record.
 * @param read throws MalformedRecord; undefined: the record is no call that is billed
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
