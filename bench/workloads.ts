import { randomUUID } from 'node:crypto';
import { addFeed } from '../src/domain/calls/feed.ts';
import { genericBody, type SampleCall, sampleCalls } from './calls.ts';
import type { Account } from './data.ts';
import type { Read } from './generator.ts';
import { clientAddresses, getBytes, postBytes } from './load.ts';
import type { Stage } from './stage.ts';

const INFO_CONNECTIONS = 64;
const HASH_CONNECTIONS = 8;
const ADDRESSES = 20_000;
const SIGNUPS_A_SECOND = 50;

/** Measures once: requests, answers or calls a second. */
export type Measure = () => Promise<number>;

export const INFO_PATH = '/v2.1/account/info/';

type Version = 'v2.1' | 'v2.2';

/** Reads of many accounts' records, by clients at many addresses. Requests per second. */
export function infoRate(
  { load }: Stage,
  port: number,
  accounts: Account[],
  seconds: number,
  version: Version = 'v2.1',
): Measure {
  const requests = clientAddresses(ADDRESSES).map((address, n) => {
    const key = accounts[n % accounts.length]?.key;
    const headers = [`Authorization: Bearer ${key}`, `X-Forwarded-For: ${address}`];
    return version === 'v2.1' ? postBytes(INFO_PATH, headers) : getBytes('/v2.2/account', headers);
  });
  return async () => {
    const connections = INFO_CONNECTIONS;
    const outcome = await load.run({ kind: 'seconds', port, connections, seconds, requests });
    return outcome.requests / outcome.seconds;
  };
}

/** API keys requested with the right password. */
export async function apikeyRate(
  { load }: Stage,
  port: number,
  accounts: number,
  seconds: number,
): Promise<Measure> {
  const requests: string[] = [];
  for (let n = 0; n < accounts; n++) {
    const { username, password } = await signUp(port, `apikey-${n}@example.com`);
    const body = JSON.stringify({ username, password });
    requests.push(postBytes('/v2.1/account/apikey/', [], body));
  }
  return async () => {
    const connections = HASH_CONNECTIONS;
    const outcome = await load.run({ kind: 'seconds', port, connections, seconds, requests });
    return outcome.requests / outcome.seconds;
  };
}

/** A customer's signup. */
export async function signUp(
  port: number,
  email: string,
): Promise<{ username: number; password: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/v2.1/account/signup/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Example Company', email }),
  });
  const { account } = (await response.json()) as {
    account: { username: number; password: string };
  };
  return account;
}

/** New accounts; each gets a mail. */
export function signupRate({ load }: Stage, port: number, seconds: number): Measure {
  let next = 0;
  return async () => {
    const requests = Array.from({ length: seconds * SIGNUPS_A_SECOND }, () => {
      const body = { name: 'Example Company', email: `signup-${next++}@example.com` };
      return postBytes('/v2.1/account/signup/', [], JSON.stringify(body));
    });
    const connections = HASH_CONNECTIONS;
    const outcome = await load.run({ kind: 'once', port, connections, requests });
    return outcome.requests / outcome.seconds;
  };
}

/** Milliseconds of one cdr answer for the last day: the median of several. */
export function cdrMilliseconds(
  stage: Stage,
  port: number,
  { key, rows }: { key: string; rows: number },
  { readers, repeats, version = 'v2.1' }: { readers: number; repeats: number; version?: Version },
): Promise<number> {
  const read: Read = {
    ...(version === 'v2.1'
      ? { method: 'POST', path: '/v2.1/account/cdr/' }
      : { method: 'GET', path: '/v2.2/account/cdr' }),
    headers: { authorization: `Bearer ${key}` },
    body: '',
  };
  return milliseconds(stage, port, read, { readers, repeats, leastBytes: rows * 100 });
}

/** Milliseconds to read one answer completely: the median of several. */
export async function milliseconds(
  { load }: Stage,
  port: number,
  read: Read,
  { readers, repeats, leastBytes }: { readers: number; repeats: number; leastBytes: number },
): Promise<number> {
  const requests = new Array<Read>(repeats * readers).fill(read);
  const outcome = await load.run({ kind: 'read', port, readers, requests });
  if (outcome.bytes < leastBytes * requests.length) throw new Error('an answer was too short');
  return outcome.medianMs;
}

/** A feed of the generic format. @returns its Authorization header */
export async function makeFeed({ db, keyring }: Stage): Promise<string> {
  const name = `bench-${randomUUID().slice(0, 8)}`;
  const feed = { name, format: 'generic', debits: 'service', timeZone: 'UTC' } as const;
  const actor = { who: 'benchmark', from: 'benchmark' };
  const secret = await addFeed(db, actor, { keyring, now: new Date() }, { ...feed, networks: [] });
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
}

/** How many calls all feeds of `makeFeed` delivered. */
export async function countDelivered({ db }: Stage): Promise<number> {
  const [row] = await db.query<{ calls: number }>(
    "SELECT count(*) AS calls FROM call WHERE feed LIKE 'bench-%'",
  );
  return row?.calls ?? 0;
}

/** New calls in batches. */
export function batchesOf(count: number, batch: number, usernames: number[]): SampleCall[][] {
  const calls = sampleCalls(count, usernames);
  return Array.from({ length: Math.ceil(count / batch) }, (_, n) =>
    calls.slice(n * batch, (n + 1) * batch),
  );
}

/** Calls per second through the service. */
export async function deliver(
  { load }: Stage,
  port: number,
  authorization: string,
  batches: SampleCall[][],
  atOnce: number,
): Promise<number> {
  const requests = batches.map((calls) =>
    postBytes('/ingest/v1/calls/generic', [`Authorization: ${authorization}`], genericBody(calls)),
  );
  const { seconds } = await load.run({ kind: 'once', port, connections: atOnce, requests });
  return batches.flat().length / seconds;
}
