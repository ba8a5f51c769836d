import { createHash } from 'node:crypto';
import type { ReportedCall } from '../domain/call.ts';
import type { Feed } from '../domain/feed.ts';
import { isDecimal } from '../domain/money.ts';
import { readJsonRecords } from './json-records.ts';
import {
  firstUsername,
  ipAddress,
  MalformedRecord,
  malformed,
  momentOf,
  type ParsedRecord,
  phoneNumber,
  readRecord,
  talkTime,
  textOf,
} from './record.ts';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/**
 * The service's own format, documented in `docs/ingest.md`: JSON objects with `id`, `account`,
 * `start` (Unix seconds or ISO 8601), `duration` (seconds of talk, 0 unanswered), `cid`, `dst`,
 * and optionally `ip`, `cn` and `call_id`, the id under which the switch asked whether the call may
 * be made, where that is not `id`. A feed whose switch debits adds `rate` and `amount` in dollars.
 */
export function parseGeneric(body: Buffer, feed: Feed): ParsedRecord[] {
  return readJsonRecords(body, {
    damaged: malformed,
    read: (record, raw) =>
      readRecord(raw, () => {
        const { account } = record;
        if (account !== undefined && firstUsername([account]) === undefined) {
          throw new MalformedRecord('account is no username of ten digits');
        }
        return {
          id: callId(record.id, feed),
          account: firstUsername([account]),
          startedAt: startOf(record.start),
          talkMicroseconds: talkTime(record.duration, 'duration'),
          caller: phoneNumber(record.cid, 'cid'),
          called: phoneNumber(record.dst, 'dst'),
          sourceIp: ipAddress(record.ip),
          callerName: textOf(record.cn, 'cn') || undefined,
          switchDebit: feed.debits === 'switch' ? switchDebit(record) : undefined,
          callId: textOf(record.call_id ?? record.id, 'call_id'),
        };
      }),
  });
}

/** A uuid without dashes; any other id is hashed together with the feed it is unique in. */
export function callId(id: unknown, feed: Feed): string {
  const text = textOf(id, 'id');
  if (text === '') throw new MalformedRecord('id is missing');
  if (UUID.test(text)) return text.replaceAll('-', '').toLowerCase();
  return createHash('sha256').update(`${feed.name}\n${text}`).digest('hex').slice(0, 32);
}

function switchDebit({ rate, amount }: Record<string, unknown>): ReportedCall['switchDebit'] {
  if (!isDecimal(rate)) throw new MalformedRecord('rate is no decimal string');
  if (amount === undefined) return { rate, amount };
  if (!isDecimal(amount)) throw new MalformedRecord('amount is no decimal string');
  return { rate, amount };
}

function startOf(value: unknown): Date {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value))
    return momentOf(value, 'start');
  if (!/(Z|[+-]\d\d:?\d\d)$/.test(value)) throw new MalformedRecord('start has no time zone');
  return momentOf(Date.parse(value) / 1_000, 'start');
}
