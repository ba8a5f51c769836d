import type { ReportedCall } from '../domain/call.ts';
import type { Feed } from '../domain/feed.ts';
import { isDecimal } from '../domain/money.ts';
import { callId } from './generic.ts';
import { readJsonRecords } from './json-records.ts';
import {
  decimalOf,
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

type Members = Record<string, unknown>;

/**
 * Records of FreeSWITCH's mod_json_cdr, in each of its encodings: plain JSON, the form field `cdr`
 * holding URL-encoded JSON, and base64. The body decides, since plain JSON also arrives labelled
 * as a form (`disable-100-continue`).
 * Source: src/mod/event_handlers/mod_json_cdr/mod_json_cdr.c and switch_ivr_generate_json_cdr in
 * src/switch_ivr.c.
 */
export function parseFreeswitch(body: Buffer, feed: Feed): ParsedRecord[] {
  const decoded = decode(body);
  return readJsonRecords(decoded, {
    // What does not decode to JSON is kept as the bytes that came.
    damaged: (raw, detail) => malformed(decoded === body ? raw : body, detail),
    read: (record, raw) => readRecord(raw, () => readCdr(record, feed)),
  });
}

function decode(body: Buffer): Buffer {
  const text = body.toString('latin1').trim();
  if (text.startsWith('{') || text.startsWith('[')) return body;
  const content = text.startsWith('cdr=') ? text.slice('cdr='.length) : text;
  if (content.startsWith('{')) return Buffer.from(content, 'latin1');
  if (content.startsWith('%')) {
    // FreeSWITCH escapes '+' and writes spaces as %20, so a '+' is never a space here.
    return Buffer.from(unescapeBytes(content), 'latin1');
  }
  const unpacked = Buffer.from(content.replaceAll(' ', '+'), 'base64');
  return unpacked.subarray(0, 1).toString() === '{' ? unpacked : body;
}

function unescapeBytes(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** @returns undefined for a B-leg: the A-leg of the same call is the one that is billed */
function readCdr(record: Members, feed: Feed): ReportedCall | undefined {
  const variables = members(record.variables, 'variables');
  const [flow] = Array.isArray(record.callflow) ? record.callflow : [record.callflow];
  const profile = members(members(flow, 'callflow').caller_profile, 'caller_profile');
  if (profile.originator !== undefined) return undefined;
  const variable = (name: string) => unescapeValue(variables[name]);
  if (variable('direction') === 'outbound') {
    throw new MalformedRecord('an outbound leg that no other leg originated');
  }
  return {
    id: callId(variable('uuid'), feed),
    account: firstUsername([
      variable('nibble_account'),
      variable('accountcode'),
      variable('sip_auth_username'),
    ]),
    startedAt: startOf(variable),
    talkMicroseconds: talkMicroseconds(variable),
    caller: phoneNumber(profile.caller_id_number, 'caller_id_number'),
    called: phoneNumber(profile.destination_number, 'destination_number'),
    sourceIp: ipAddress(variable('sip_network_ip')) ?? ipAddress(profile.network_addr),
    callerName: textOf(profile.caller_id_name, 'caller_id_name') || undefined,
    switchDebit: feed.debits === 'switch' ? switchDebit(variable) : undefined,
    callId: textOf(variable('uuid'), 'uuid'),
  };
}

type Variable = (name: string) => unknown;

function startOf(variable: Variable): Date {
  const microseconds = variable('start_uepoch');
  if (microseconds === undefined) return momentOf(variable('start_epoch'), 'start_epoch');
  return momentOf(Number(microseconds) / 1_000_000, 'start_uepoch');
}

/** billsec cuts both ends to whole seconds, so the finer counts are taken where they are there. */
function talkMicroseconds(variable: Variable): number {
  if (Number(variable('answer_epoch') ?? 1) === 0) return 0;
  for (const [name, perSecond] of [
    ['billusec', 1_000_000],
    ['billmsec', 1_000],
    ['billsec', 1],
  ] as const) {
    const count = variable(name);
    if (count !== undefined) return talkTime((decimalOf(count) ?? Number.NaN) / perSecond, name);
  }
  throw new MalformedRecord('billsec is missing');
}

/** What mod_nibblebill has taken from the balance itself. */
function switchDebit(variable: Variable): ReportedCall['switchDebit'] {
  const [rate, amount] = [variable('nibble_rate'), variable('nibble_total_billed')];
  if (!isDecimal(rate)) throw new MalformedRecord('nibble_rate is missing');
  return { rate, amount: isDecimal(amount) ? amount : undefined };
}

function members(value: unknown, name: string): Members {
  if (typeof value === 'object' && value !== null) return value as Members;
  throw new MalformedRecord(`${name} is missing`);
}

/** `encode-values` percent-encodes the variables, and nothing says whether it was on. */
function unescapeValue(value: unknown): unknown {
  if (typeof value !== 'string' || !value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
