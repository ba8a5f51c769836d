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
  TALK_TOLERANCE_MS,
  talkTime,
  talkWithin,
  thereOr,
  wholeBody,
} from '../record.ts';
import { decodeCdr } from './freeswitch-encoding.ts';
import { outcomeOfCause } from './outcome.ts';

type Members = Record<string, unknown>;
type Variable = (name: string) => unknown;

// Old versions wrote one member of this name for each profile of a transferred call, not an array.
const REPEATABLE = new Set(['callflow']);

/**
 * Records of FreeSWITCH's mod_json_cdr, in each of its encodings. `variables` has uuid, direction,
 * the start, answer and billed time, and the account. The newest caller profile in `callflow` has the
 * numbers, the name and the address.
 *
 * Sources: src/mod/event_handlers/mod_json_cdr/mod_json_cdr.c, switch_ivr_generate_json_cdr in
 * src/switch_ivr.c, and src/mod/applications/mod_nibblebill/mod_nibblebill.c.
 */
export function parseFreeswitch(body: Buffer, feed: Feed): ReturnType<Parser> {
  const { json, canBeForged } = decodeCdr(body);
  // An encoded body is one record, and is kept in its received bytes.
  const from = (origin: Origin) =>
    json === body ? origin : { ...wholeBody(body), decoded: () => json };
  return readJsonRecords(json, {
    ...(canBeForged ? {} : { repeatable: REPEATABLE }),
    damaged: (origin, detail) => malformed(from(origin), detail),
    read: (record, origin) => readRecord(from(origin), () => readCdr(record, feed, canBeForged)),
  });
}

/**
 * @returns undefined for a B-leg, because the A-leg of the same call is billed; but a B-leg that
 *   continues after a transfer is a call
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
    // Old versions write no direction. There only an originator marks a B-leg.
    if (profile.originator !== undefined) return undefined;
    if (direction === 'outbound' && account === undefined) {
      throw new MalformedRecord('an outbound leg that no other one originated names no account');
    }
  }
  const uuid = idText(thereOr(variable('uuid'), profile.uuid), 'uuid');
  return {
    id: callId(uuid, feed),
    account,
    startedAt: timeOf(variable, 'start'),
    ...(isLeftBehind
      ? leftBehind(variable, feed)
      : { talkMicroseconds: talkMicroseconds(variable) }),
    // A dialplan that goes on after a failed bridge ends the leg itself, with a cause of its own.
    outcome:
      outcomeOfCause(variable('hangup_cause')) ?? outcomeOfCause(variable('originate_disposition')),
    caller: callerNumber(profile.caller_id_number, 'caller_id_number'),
    ...phoneNumber(profile.destination_number, 'destination_number', feed),
    sourceIp: ipAddress(variable('sip_network_ip')) ?? ipAddress(profile.network_addr),
    callerName: displayText(profile.caller_id_name, 'caller_id_name') || undefined,
    switchDebit: feed.debits === 'switch' ? switchDebit(variable) : undefined,
    callId: uuid,
  };
}

/**
 * The part of a B-leg after its call was transferred. The newest profile has the time of the
 * transfer and, if it happened, the time of the new bridge. The leg's accountcode can be the called
 * phone's, so the account of the call that made the leg pays.
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

/** Microseconds between two times; epochs in microseconds are safe integers. */
function between(variable: Variable, from: string, to: string): number {
  const [start, end] = [from, to].map((name) => {
    const microseconds = decimalOf(variable(`${name}_uepoch`));
    return microseconds ?? timeOf(variable, name).getTime() * 1_000;
  }) as [number, number];
  return talkTime(end - start, `${to} less ${from}`, 1_000_000);
}

/**
 * The account that the switch names. The caller's own claims never count.
 * @param canBeForged a caller may have added members to the record
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

/** @param name `start`, `answer`, `end`, or another name with an epoch */
function timeOf(variable: Variable, name: string): Date {
  const microseconds = variable(`${name}_uepoch`);
  if (!isThere(microseconds)) return momentOf(variable(`${name}_epoch`), `${name}_epoch`);
  return momentOf((decimalOf(microseconds) ?? Number.NaN) / 1_000_000, `${name}_uepoch`);
}

/** Whether a time is present; an event that did not happen has 0. */
function hasTime(variable: Variable, name: string): boolean {
  const [epoch, microseconds] = [variable(`${name}_epoch`), variable(`${name}_uepoch`)];
  return [epoch, microseconds].some((value) => isThere(value) && decimalOf(value) !== 0);
}

function talkMicroseconds(variable: Variable): number {
  const answered = variable('answer_epoch');
  const isAnswered = answered !== '' && decimalOf(answered) !== 0;
  const [finest, ...others] = talkTimes(variable);
  if (!finest) {
    if (isAnswered) throw new MalformedRecord('billsec is missing');
    return 0;
  }
  const other = others.find(({ talk }) => Math.abs(talk - finest.talk) > TALK_TOLERANCE_MS * 1_000);
  if (other) throw new MalformedRecord(`${finest.shown} is not ${other.shown}`);
  if (!isAnswered && finest.talk > 0) {
    throw new MalformedRecord(`not answered, but ${finest.shown}`);
  }
  const begins = ['start', ...(hasTime(variable, 'answer') ? ['answer'] : [])];
  const end = hasTime(variable, 'end') ? timeOf(variable, 'end') : undefined;
  return talkWithin(
    finest.talk,
    begins.map((name) => timeOf(variable, name)),
    end,
  );
}

/** The record's counts of the talk time; billsec cuts both ends to whole seconds. */
function talkTimes(variable: Variable): { talk: number; shown: string }[] {
  const counts = [
    ['billusec', 1_000_000],
    ['billmsec', 1_000],
    ['billsec', 1],
  ] as const;
  return counts.flatMap(([name, perSecond]) => {
    const count = variable(name);
    if (!isThere(count)) return [];
    return [{ talk: talkTime(count, name, perSecond), shown: `${name} ${count}` }];
  });
}

/** The debit by mod_nibblebill. */
function switchDebit(variable: Variable): ReportedCall['switchDebit'] {
  const [rate, amount] = [variable('nibble_rate'), variable('nibble_total_billed')];
  return debitOf({ rate, amount }, ['nibble_rate', 'nibble_total_billed']);
}

function members(value: unknown, name: string): Members {
  if (typeof value === 'object' && value !== null) return value as Members;
  throw new MalformedRecord(`${name} is missing`);
}

/** `encode-values` percent-encodes the variables, and the record does not say whether it was on. */
function unescapeValue(value: unknown): unknown {
  if (typeof value !== 'string' || !value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
