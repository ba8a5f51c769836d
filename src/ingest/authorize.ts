import type { FastifyInstance } from 'fastify';
import { USERNAME_REQUIREMENT } from '../domain/account/account.ts';
import type { Decimal } from '../domain/money.ts';
import { gatherAuthorizations } from '../domain/rating/authorization.ts';
import type { CallQuestion } from '../domain/rating/decision.ts';
import { fieldRequired, invalidField, Refusal } from '../domain/refusal.ts';
import { parseStrictJson } from '../http/strict-json.ts';
import type { Service } from '../service.ts';
import { firstUsername, MalformedRecord, phoneNumber, wholeText } from './record.ts';

const LONGEST_CALL_ID = 255;
const LONGEST_NUMBER = 128;
const REQUIRED = ['account', 'dst', 'call_id'] as const;

/**
 * `POST /ingest/v1/authorize`: a switch asks whether an account may call. 200 with one line of JSON,
 * or 402 with a message that it can log. The same `call_id` again, also during the call, extends it.
 */
export function authorizeRoute(app: FastifyInstance, { db, config, clock }: Service): void {
  const { holdSeconds, verifiedCallsOnly: verifiedOnly } = config;
  const authorize = gatherAuthorizations(db, { holdSeconds, verifiedOnly });
  app.post('/ingest/v1/authorize', async (request, reply) => {
    const question = readQuestion(request.body as Buffer | undefined);
    const { maxSeconds, rate } = await authorize({ ...question, now: clock() });
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(`{"allow": true, "max_seconds": ${maxSeconds}, "rate": "${shownRate(rate)}"}`);
  });
}

/** Further members, such as `cid`, are let pass: switches send what they have at hand. */
function readQuestion(body: Buffer = Buffer.alloc(0)): Omit<CallQuestion, 'now'> {
  const value = body.toString('latin1').trim() === '' ? {} : parseStrictJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('malformed', 'The body must be a JSON object');
  }
  const fields = value as Record<string, unknown>;
  for (const name of REQUIRED) {
    if ((fields[name] ?? '') === '') throw fieldRequired(name);
  }
  const account = firstUsername([fields.account]);
  if (account === undefined) throw invalidField('account', USERNAME_REQUIREMENT);
  return { account, called: calledNumber(fields.dst), callId: callId(fields.call_id) };
}

function calledNumber(value: unknown): string {
  try {
    if (wholeText(value, 'dst').length <= LONGEST_NUMBER) return phoneNumber(value, 'dst');
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

/** With four decimals, or as many more as it has. */
function shownRate(rate: Decimal): string {
  const [whole = '0', fraction = ''] = rate.split('.');
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(4, '0')}`;
}
