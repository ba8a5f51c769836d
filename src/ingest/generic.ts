import type { ReportedCall } from '../domain/calls/call.ts';
import type { Feed } from '../domain/calls/feed.ts';
import { isDecimal } from '../domain/money.ts';
import { csvFields, readCsvRows } from './csv-rows.ts';
import { readJsonRecords } from './json-records.ts';
import { splitLines } from './lines.ts';
import {
  callerNumber,
  callId,
  displayText,
  firstUsername,
  idText,
  ipAddress,
  MalformedRecord,
  malformed,
  momentOf,
  type Origin,
  type ParsedRecord,
  phoneNumber,
  readRecord,
  talkTime,
} from './record.ts';

type Members = Record<string, unknown>;

/**
 * The service's own format, documented in `docs/ingest.md`: JSON objects with `id`, `account`,
 * `start` (Unix seconds or ISO 8601), `duration` (seconds of talk, 0 unanswered), `cid`, `dst`,
 * and optionally `ip`, `cn` and `call_id`, the id under which the switch asked whether the call may
 * be made, where that is not `id`. A feed whose switch debits adds `rate` and `amount` in dollars.
 * The same as CSV, with these names in the first line.
 */
export function parseGeneric(body: Buffer, feed: Feed): ParsedRecord[] {
  const header = csvHeader(body);
  if (header) return parseCsv(body, header, feed);
  return readJsonRecords(body, {
    damaged: malformed,
    read: (record, origin) => readRecord(origin, () => readCall(record, feed)),
  });
}

/**
 * The first line of a body in the format's CSV, which every part of a large file repeats.
 * @returns undefined where the body is none
 */
export function csvHeader(body: Buffer): Buffer | undefined {
  const first = splitLines(body.subarray(0, 4_096))[0]?.bytes;
  const names = first && namesOf(first);
  return names?.includes('id') && names.includes('start') ? first : undefined;
}

function namesOf(header: Buffer): string[] {
  return (csvFields(header) ?? []).map((name) => name.trim().toLowerCase());
}

function parseCsv(body: Buffer, header: Buffer, feed: Feed): ParsedRecord[] {
  const names = namesOf(header);
  // A row is kept with its header, so that it can be read again.
  const withHeader = (origin: Origin): Origin => ({
    ...origin,
    raw: () => Buffer.concat([header, Buffer.from('\n'), origin.raw()]),
  });
  const rows = readCsvRows(body, {
    accepts: (fields) => fields.length === names.length,
    damaged: (origin, detail) => malformed(withHeader(origin), detail),
    read: (fields, origin) =>
      readRecord(withHeader(origin), () => {
        if (fields.length !== names.length) {
          throw new MalformedRecord(
            `${fields.length} fields, where the header has ${names.length}`,
          );
        }
        const filled = names
          .map((name, n) => [name, fields[n]])
          .filter(([, value]) => value !== '');
        return readCall(Object.fromEntries(filled), feed);
      }),
  });
  return rows.slice(1);
}

function readCall(record: Members, feed: Feed): ReportedCall {
  const { account } = record;
  if (account !== undefined && firstUsername([account]) === undefined) {
    throw new MalformedRecord('account is no username of ten digits');
  }
  return {
    id: callId(record.id, feed),
    account: firstUsername([account]),
    startedAt: startOf(record.start),
    talkMicroseconds: talkTime(record.duration, 'duration'),
    caller: callerNumber(record.cid, 'cid'),
    called: phoneNumber(record.dst, 'dst'),
    sourceIp: ipAddress(record.ip),
    callerName: displayText(record.cn, 'cn') || undefined,
    switchDebit: feed.debits === 'switch' ? switchDebit(record) : undefined,
    callId: idText(record.call_id ?? record.id, 'call_id'),
  };
}

function switchDebit({ rate, amount }: Members): ReportedCall['switchDebit'] {
  if (!isDecimal(rate)) throw new MalformedRecord('rate is no decimal string');
  if (amount === undefined) return { rate, amount };
  if (!isDecimal(amount)) throw new MalformedRecord('amount is no decimal string');
  return { rate, amount };
}

function startOf(value: unknown): Date {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value)) {
    return momentOf(value, 'start');
  }
  if (!/(Z|[+-]\d\d:?\d\d)$/.test(value)) throw new MalformedRecord('start has no time zone');
  return momentOf(Date.parse(value) / 1_000, 'start');
}
