import type { FastifyInstance } from 'fastify';
import { USERNAME_REQUIREMENT } from '../domain/account-name.ts';
import { isEmergencyOfAccount } from '../domain/calls/emergency-of-account.ts';
import { isEmergencyNumber, isEmergencySomewhere } from '../domain/emergency-numbers.ts';
import type { Decimal } from '../domain/money.ts';
import { internationalNumber, type NumberingPlan, readDialled } from '../domain/phone-number.ts';
import { gatherAuthorizations } from '../domain/rating/authorization.ts';
import { type CallQuestion, NO_NUMBER } from '../domain/rating/decision.ts';
import { allowEmergencyCall } from '../domain/rating/emergency.ts';
import { type AllowedCall, gatherReleases } from '../domain/rating/hold.ts';
import { fieldRequired, invalidField, Refusal } from '../domain/refusal.ts';
import { successBody } from '../http/plain-envelope.ts';
import { parseStrictJson } from '../http/strict-json.ts';
import type { Service } from '../service.ts';
import { readRaw } from './bodies/receive.ts';
import { firstUsername, MalformedRecord, wholeText } from './record.ts';
import { soonOrUndefined } from './soon.ts';

export const LONGEST_QUESTION_BYTES = 16 * 1024;
const LONGEST_CALL_ID = 255;
const LONGEST_NUMBER = 128;

/**
 * `POST /ingest/v1/authorize`: a switch asks whether an account may call. 200 with one line of
 * JSON, or 402 with a message for its log. A repeated `call_id`, also during the call, extends it.
 * A call to an emergency number is allowed before any other rule is checked, and holds nothing. It
 * is allowed even where the database does not identify the feed or the account in time.
 */
export function authorizeRoute(app: FastifyInstance, { db, config, clock }: Service): void {
  const { holdSeconds, holdsOnDisk, verifiedCallsOnly: verifiedOnly, freeCalls } = config;
  const options = { holdSeconds, holdsOnDisk, verifiedOnly, freeCalls };
  const authorize = gatherAuthorizations(db, options);
  const route = { config: { allowsEmergencyCalls: true } };
  app.post('/ingest/v1/authorize', route, async (request, reply) => {
    const body = await readRaw(request.raw, LONGEST_QUESTION_BYTES);
    let { rewrite, ...question } = readQuestion(body, request.feed?.plan);
    const allow = (maxSeconds: number, rate: string, called: string) => {
      const dst = rewrite ? `, "dst": "${internationalNumber(called)}"` : '';
      return reply
        .header('cache-control', 'no-store')
        .type('application/json; charset=utf-8')
        .send(`{"allow": true, "max_seconds": ${maxSeconds}, "rate": "${rate}"${dst}}`);
    };
    const { account, called: number, dialled = number } = question;
    if (
      isEmergencyNumber(config.emergencyNumbers, request.feed?.country, number) ||
      (isEmergencySomewhere(dialled) &&
        (await soonOrUndefined(isEmergencyOfAccount(db, account, dialled))) !== false)
    ) {
      await soonOrUndefined(allowEmergencyCall(db, account));
      return allow(holdSeconds, '0', number);
    }
    const isLate = !request.feed;
    if (isLate) {
      await request.authenticated;
      // The feed's country is needed to read the number.
      ({ rewrite, ...question } = readQuestion(body, request.feed?.plan));
    }
    const { called } = question;
    const allowed = await authorize({ ...question, now: clock() });
    return allow(allowed.maxSeconds, shownRate(allowed.rate), allowed.called ?? called);
  });
}

/**
 * `POST /ingest/v1/release`: an allowed call ended without an answer, so its hold is released. A
 * repeated request changes nothing.
 */
export function releaseRoute(app: FastifyInstance, { db }: Service): void {
  const release = gatherReleases(db);
  app.post('/ingest/v1/release', async (request, reply) => {
    const body = await readRaw(request.raw, LONGEST_QUESTION_BYTES);
    const fields = readFields(body, ['account', 'call_id']);
    const released = await release(allowedCall(fields));
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(successBody(`"released":${Number(released)}`));
  });
}

/** @returns `rewrite`: the switch wants the checked number in the answer */
function readQuestion(
  body: Buffer,
  plan: NumberingPlan | undefined,
): Omit<CallQuestion, 'now'> & { rewrite: boolean } {
  const fields = readFields(body, ['account', 'dst', 'call_id']);
  return {
    ...allowedCall(fields),
    ...calledNumber(fields.dst, plan),
    rewrite: fields.rewrite === true,
  };
}

/** Other members, such as `cid`, are ignored: switches send what they have at hand. */
export function readFields(body: Buffer, required: string[]): Record<string, unknown> {
  const value = body.toString('latin1').trim() === '' ? {} : parseStrictJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('malformed', 'The body must be a JSON object');
  }
  const fields = value as Record<string, unknown>;
  for (const name of required) {
    if ((fields[name] ?? '') === '') throw fieldRequired(name);
  }
  return fields;
}

function allowedCall(fields: Record<string, unknown>): AllowedCall {
  const account = firstUsername([fields.account]);
  if (account === undefined) throw invalidField('account', USERNAME_REQUIREMENT);
  return { account, callId: callId(fields.call_id) };
}

/** @throws Refusal 'payment required' for a text that is no number, or an ambiguous one */
function calledNumber(
  value: unknown,
  plan: NumberingPlan | undefined,
): Pick<CallQuestion, 'called' | 'dialled'> {
  const number = readDialled(textOfNumber(value), plan);
  if (number === undefined) throw new Refusal('payment required', NO_NUMBER);
  const { called = '', dialled } = number;
  return { called, dialled };
}

function textOfNumber(value: unknown): string {
  try {
    const text = wholeText(value, 'dst');
    if (text.length <= LONGEST_NUMBER) return text;
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
  }
  throw invalidField('dst', 'Must be a number');
}

function callId(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || text.length > LONGEST_CALL_ID) {
    throw invalidField('call_id', `Must be 1 to ${LONGEST_CALL_ID} characters`);
  }
  return text;
}

/** A rate with at least four decimals. */
function shownRate(rate: Decimal): string {
  const [whole = '0', fraction = ''] = rate.split('.');
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(4, '0')}`;
}
