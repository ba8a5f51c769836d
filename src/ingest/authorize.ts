import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { USERNAME_REQUIREMENT } from '../domain/account-name.ts';
import { isEmergencyOfAccount } from '../domain/calls/emergency-of-account.ts';
import type { DeliveringFeed } from '../domain/calls/feed.ts';
import {
  isEmergencyNumber,
  isEmergencySomewhere,
  withoutCallerIdCode,
} from '../domain/emergency-numbers.ts';
import type { Decimal } from '../domain/money.ts';
import { internationalNumber, type NumberingPlan, readDialled } from '../domain/phone-number.ts';
import { gatherAuthorizations } from '../domain/rating/authorization.ts';
import { type CallQuestion, NO_NUMBER } from '../domain/rating/decision.ts';
import { allowEmergencyCall } from '../domain/rating/emergency.ts';
import { type AllowedCall, gatherReleases } from '../domain/rating/hold.ts';
import { fieldRequired, invalidField, Refusal } from '../domain/refusal.ts';
import { addressReader } from '../http/client-address.ts';
import { successBody } from '../http/plain-envelope.ts';
import { isTls, securityHeaders } from '../http/security-headers.ts';
import type { Shortcut } from '../http/shortcut.ts';
import { parseStrictJson } from '../http/strict-json.ts';
import type { Service } from '../service.ts';
import { readRaw } from './bodies/receive.ts';
import { firstUsername, MalformedRecord, wholeText } from './record.ts';
import type { Senders } from './senders.ts';
import { soonOrUndefined } from './soon.ts';

export const LONGEST_QUESTION_BYTES = 16 * 1024;
const LONGEST_CALL_ID = 255;
const LONGEST_NUMBER = 128;

const TYPE = 'application/json; charset=utf-8';
const PATH = '/ingest/v1/authorize';

/** What the shortcut found out before it left a request to Fastify. */
interface Begun {
  body: Buffer;
  error?: unknown;
}

/**
 * `POST /ingest/v1/authorize`: a switch asks whether an account may call. 200 with one line of
 * JSON, or 402 with a message for its log. A repeated `call_id`, also during the call, extends it.
 * A call to an emergency number is allowed before any other rule is checked, and holds nothing. It
 * is allowed even where the database does not identify the feed or the account in time.
 *
 * Fastify takes longer than all other parts of an answer. So calls that are allowed are answered
 * without it; anything else is left to it.
 */
export function authorizeRoute(app: FastifyInstance, service: Service, senders: Senders): void {
  const { db, config, clock } = service;
  const { holdSeconds, holdsOnDisk, verifiedCallsOnly: verifiedOnly, freeCalls } = config;
  const options = { holdSeconds, holdsOnDisk, verifiedOnly, freeCalls };
  const authorize = gatherAuthorizations(db, options);
  const answer = async ({ rewrite, ...question }: ReadQuestion) => {
    const allowed = await authorize({ ...question, now: clock() });
    const called = internationalNumber(allowed.called ?? question.called, question.dialled);
    return permission(allowed.maxSeconds, shownRate(allowed.rate), rewrite ? called : undefined);
  };
  const isEmergency = (number: string, feed: DeliveringFeed | undefined) =>
    isEmergencyNumber(config.emergencyNumbers, feed?.country, number);

  const begun = new WeakMap<IncomingMessage, Begun>();
  const route = { config: { allowsEmergencyCalls: true } };
  app.post(PATH, route, async (request, reply) => {
    const { body, error } = begun.get(request.raw) ?? {
      body: await readRaw(request.raw, LONGEST_QUESTION_BYTES),
    };
    if (error) throw error;
    reply.header('cache-control', 'no-store').type(TYPE);
    const { feed } = request;
    const question = readQuestion(body, feed?.plan);
    const { account, called: number, dialled = number } = question;
    if (
      isEmergency(number, feed) ||
      (isEmergencySomewhere(dialled) &&
        (await soonOrUndefined(isEmergencyOfAccount(db, account, dialled))) !== false)
    ) {
      await soonOrUndefined(allowEmergencyCall(db, account));
      const told = internationalNumber(withoutCallerIdCode(number));
      return permission(holdSeconds, '0', question.rewrite ? told : undefined);
    }
    if (feed) return answer(question);
    await request.authenticated;
    // The feed's country is needed to read the number.
    return answer(readQuestion(body, request.feed?.plan));
  });

  const addressOf = addressReader(config);
  const headers = {
    ...securityHeaders(isTls(config)),
    'cache-control': 'no-store',
    'content-type': TYPE,
  };
  const shortcut: Shortcut = async (request, next, send) => {
    const address = addressOf(request);
    const { authorization, host, 'content-length': length } = request.headers;
    const feed =
      address !== undefined &&
      host !== undefined &&
      Number(length) <= LONGEST_QUESTION_BYTES &&
      senders.recent(authorization, address);
    if (!feed) {
      next(address ?? '');
      return;
    }
    const found: Begun = { body: Buffer.alloc(0) };
    let text: string | undefined;
    try {
      found.body = await readRaw(request, LONGEST_QUESTION_BYTES);
      const question = readQuestion(found.body, feed.plan);
      const { called: number, dialled = number } = question;
      if (!isEmergency(number, feed) && !isEmergencySomewhere(dialled)) {
        text = await answer(question);
      }
    } catch (error) {
      found.error = error;
    }
    if (text === undefined) {
      begun.set(request, found);
      next(address);
    } else send({ status: 200, body: text }, address);
  };
  app.shortcuts.set(PATH, { shortcut, headers });
}

/** The answer to a call that is allowed. @param called the number for switches that want it */
function permission(maxSeconds: number, rate: string, called: string | undefined): string {
  const dst = called === undefined ? '' : `, "dst": "${called}"`;
  return `{"allow": true, "max_seconds": ${maxSeconds}, "rate": "${rate}"${dst}}`;
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

/** `rewrite`: the switch wants the checked number in the answer. */
type ReadQuestion = Omit<CallQuestion, 'now'> & { rewrite: boolean };

function readQuestion(body: Buffer, plan: NumberingPlan | undefined): ReadQuestion {
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
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || text.length > LONGEST_CALL_ID) {
    throw invalidField('call_id', `Must be a string of 1 to ${LONGEST_CALL_ID} characters`);
  }
  return text;
}

/** A rate with at least four decimals. */
function shownRate(rate: Decimal): string {
  const [whole = '0', fraction = ''] = rate.split('.');
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(4, '0')}`;
}
