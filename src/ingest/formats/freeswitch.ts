import type { ReportedCall } from '../../domain/calls/call.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import { readJsonRecords } from '../bodies/json-records.ts';
import {
  callerNumber,
  callId,
  debitOf,
  decimalOf,
  displayText,
  firstUsername,
  idText,
  ipAddress,
  isThere,
  MalformedRecord,
  malformed,
  momentOf,
  type Origin,
  type Parser,
  phoneNumber,
  readRecord,
  talkTime,
  talkWithin,
  wholeBody,
} from '../record.ts';
import { decodeCdr } from './freeswitch-encoding.ts';

type Members = Record<string, unknown>;
type Variable = (name: string) => unknown;

// Before callflow was an array, a transferred call had a member of this name for each profile.
const REPEATABLE = new Set(['callflow']);

/**
 * Records of FreeSWITCH's mod_json_cdr, in each of its encodings. Members that matter: of
 * `variables` uuid, direction, the start, answer and billed time, and who pays; of the newest
 * caller profile in `callflow` the numbers, the name and the address.
 *
 * Sources: src/mod/event_handlers/mod_json_cdr/mod_json_cdr.c, switch_ivr_generate_json_cdr in
 * src/switch_ivr.c, and src/mod/applications/mod_nibblebill/mod_nibblebill.c.
 */
export function parseFreeswitch(body: Buffer, feed: Feed): ReturnType<Parser> {
  const { json, canBeForged } = decodeCdr(body);
  // What came encoded is one record, and is kept as the bytes that came.
  const from = (origin: Origin) =>
    json === body ? origin : { ...wholeBody(body), decoded: () => json };
  return readJsonRecords(json, {
    ...(canBeForged ? {} : { repeatable: REPEATABLE }),
    damaged: (origin, detail) => malformed(from(origin), detail),
    read: (record, origin) => readRecord(from(origin), () => readCdr(record, feed, canBeForged)),
  });
}

/**
 * @returns undefined for a B-leg: the A-leg of the same call is the one that is billed, but for what
 *   a transfer left behind
 */
function readCdr(record: Members, feed: Feed, canBeForged: boolean): ReportedCall | undefined {
  const variables = members(record.variables, 'variables');
  const [flow] = Array.isArray(record.callflow) ? record.callflow : [record.callflow];
  const profile = members(members(flow, 'callflow').caller_profile, 'caller_profile');
  const variable = (name: string) => unescapeValue(variables[name]);
  const account = accountOf(variable, canBeForged);
  const direction = variable('direction') ?? directionOf(record.channel_data);
  const isLeftBehind = direction === 'outbound' && isThere(variable('transfer_history'));
  if (direction !== 'inbound' && !isLeftBehind) {
    // Before there was a direction, a leg that another one originated was known by that alone.
    if (profile.originator !== undefined) return undefined;
    if (direction === 'outbound' && account === undefined) {
      throw new MalformedRecord('an outbound leg that no other one originated names no account');
    }
  }
  const uuid = idText(variable('uuid') ?? profile.uuid, 'uuid');
  return {
    id: callId(uuid, feed),
    account,
    startedAt: timeOf(variable, 'start'),
    ...(isLeftBehind
      ? leftBehind(variable, feed)
      : { talkMicroseconds: talkMicroseconds(variable) }),
    caller: callerNumber(profile.caller_id_number, 'caller_id_number'),
    ...phoneNumber(profile.destination_number, 'destination_number', feed),
    sourceIp: ipAddress(variable('sip_network_ip')) ?? ipAddress(profile.network_addr),
    callerName: displayText(profile.caller_id_name, 'caller_id_name') || undefined,
    switchDebit: feed.debits === 'switch' ? switchDebit(variable) : undefined,
    callId: uuid,
  };
}

/**
 * Of a B-leg that goes on after its call was transferred, from then on: its newest profile tells when
 * that was and when it was bridged to whom it talks to now, if ever. Its own accountcode can be
 * that of the phone that it rang; the account is that of the call that made it.
 */
function leftBehind(
  variable: Variable,
  feed: Feed,
): Pick<ReportedCall, 'account' | 'madeBy' | 'startedAt' | 'talkMicroseconds'> {
  const maker = idText(variable('originator'), 'originator');
  return {
    account: undefined,
    madeBy: { id: callId(maker, feed), beforeLeg: timeOf(variable, 'start') },
    startedAt: timeOf(variable, 'profile_start'),
    talkMicroseconds: hasTime(variable, 'bridge') ? between(variable, 'bridge', 'end') : 0,
  };
}

/** Microseconds from one time to another; epochs in microseconds are safe integers. */
function between(variable: Variable, from: string, to: string): number {
  const [start, end] = [from, to].map((name) => {
    const microseconds = decimalOf(variable(`${name}_uepoch`));
    return microseconds ?? timeOf(variable, name).getTime() * 1_000;
  }) as [number, number];
  return talkTime(end - start, `${to} less ${from}`, 1_000_000);
}

/**
 * Who pays, as the switch says: never by what the caller claims of himself.
 * @param canBeForged whether a caller can have written members of his own into the record
 */
function accountOf(variable: Variable, canBeForged: boolean): number | undefined {
  const names = ['nibble_account', 'accountcode', 'sip_auth_username'];
  const candidates = names.map((name) => firstUsername([variable(name)]));
  const named = candidates.filter((candidate) => candidate !== undefined);
  if (canBeForged && new Set(named).size > 1) {
    throw new MalformedRecord(`the record names several accounts: ${named.join(', ')}`);
  }
  return named[0];
}

function directionOf(channelData: unknown): unknown {
  if (typeof channelData !== 'object' || channelData === null) return undefined;
  return (channelData as Members).direction;
}

/** @param name `start`, `answer`, `end`, or another one that has an epoch */
function timeOf(variable: Variable, name: string): Date {
  const microseconds = variable(`${name}_uepoch`);
  if (microseconds === undefined) return momentOf(variable(`${name}_epoch`), `${name}_epoch`);
  return momentOf((decimalOf(microseconds) ?? Number.NaN) / 1_000_000, `${name}_uepoch`);
}

/** Whether a time is told; one that did not come about is 0. */
function hasTime(variable: Variable, name: string): boolean {
  const [epoch, microseconds] = [variable(`${name}_epoch`), variable(`${name}_uepoch`)];
  return [epoch, microseconds].some((value) => isThere(value) && decimalOf(value) !== 0);
}

function talkMicroseconds(variable: Variable): number {
  const answered = variable('answer_epoch');
  if (answered === '' || decimalOf(answered) === 0) return 0;
  const from = timeOf(variable, hasTime(variable, 'answer') ? 'answer' : 'start');
  const end = hasTime(variable, 'end') ? timeOf(variable, 'end') : undefined;
  return talkWithin(billedMicroseconds(variable), from, end);
}

/** billsec cuts both ends to whole seconds, so the finer counts are taken where they are there. */
function billedMicroseconds(variable: Variable): number {
  for (const [name, perSecond] of [
    ['billusec', 1_000_000],
    ['billmsec', 1_000],
    ['billsec', 1],
  ] as const) {
    const count = variable(name);
    if (count !== undefined) return talkTime(count, name, perSecond);
  }
  throw new MalformedRecord('billsec is missing');
}

/** What mod_nibblebill has taken from the balance itself. */
function switchDebit(variable: Variable): ReportedCall['switchDebit'] {
  const [rate, amount] = [variable('nibble_rate'), variable('nibble_total_billed')];
  return debitOf({ rate, amount }, ['nibble_rate', 'nibble_total_billed']);
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
