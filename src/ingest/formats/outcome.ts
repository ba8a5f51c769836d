import { CALL_OUTCOMES, type CallOutcome } from '../../domain/calls/call-outcome.ts';
import { decimalOf } from '../record.ts';

type Codes = Record<number, CallOutcome>;

// RFC 3398 section 8.2.6.1 has the Q.850 cause of each of these codes, except 487 (RFC 3261 section
// 21.4.25), 607 (RFC 8197) and 608 (RFC 8688). 408 and 480 are what proxies and gateways answer after
// the ringing.
const SIP_CODES: Codes = {
  401: 'declined',
  402: 'declined',
  403: 'declined',
  404: 'unavailable',
  407: 'declined',
  408: 'no answer',
  410: 'unavailable',
  480: 'no answer',
  484: 'unavailable',
  485: 'unavailable',
  486: 'busy',
  487: 'cancelled',
  600: 'busy',
  603: 'declined',
  604: 'unavailable',
  607: 'declined',
  608: 'declined',
};

/** @param code of the final response to the INVITE, a number or decimal string */
export function outcomeOfSip(code: unknown): CallOutcome | undefined {
  const value = decimalOf(code) ?? 0;
  if (value < 200 || value > 699) return undefined;
  return value < 300 ? 'answered' : (SIP_CODES[value] ?? 'failed');
}

// Q.850 causes by the names that FreeSWITCH gives them (CAUSE_CHART in src/switch_channel.c), and its
// own causes. Each counts as the SIP code that RFC 3398 section 7.2.4.1 has for it.
const CAUSES: Record<string, CallOutcome | undefined> = {
  UNALLOCATED_NUMBER: 'unavailable',
  NO_ROUTE_TRANSIT_NET: 'unavailable',
  NO_ROUTE_DESTINATION: 'unavailable',
  NUMBER_CHANGED: 'unavailable',
  INVALID_NUMBER_FORMAT: 'unavailable',
  USER_BUSY: 'busy',
  NO_USER_RESPONSE: 'no answer',
  NO_ANSWER: 'no answer',
  SUBSCRIBER_ABSENT: 'no answer',
  PROGRESS_TIMEOUT: 'no answer',
  USER_NOT_REGISTERED: 'no answer',
  CALL_REJECTED: 'declined',
  OUTGOING_CALL_BARRED: 'declined',
  INCOMING_CALL_BARRED: 'declined',
  BEARERCAPABILITY_NOTAUTH: 'declined',
  ORIGINATOR_CANCEL: 'cancelled',
  // These end calls of any outcome.
  NONE: undefined,
  SUCCESS: undefined,
  NORMAL_CLEARING: undefined,
  ATTENDED_TRANSFER: undefined,
  BLIND_TRANSFER: undefined,
  LOSE_RACE: undefined,
  PICKED_OFF: undefined,
  MANAGER_REQUEST: undefined,
  ALLOTTED_TIMEOUT: undefined,
};

/** @param name the cause that ended a leg, or a bridge of it, that was not answered */
export function outcomeOfCause(name: unknown): CallOutcome | undefined {
  if (typeof name !== 'string' || name === '') return undefined;
  return Object.hasOwn(CAUSES, name) ? CAUSES[name] : 'failed';
}

/** @param value an outcome in the service's own word, or a SIP code; undefined for any other text */
export function outcomeOfWord(value: unknown): CallOutcome | undefined {
  const word = typeof value === 'string' ? value.trim().toLowerCase() : undefined;
  return CALL_OUTCOMES.find((known) => known === word) ?? outcomeOfSip(value);
}
