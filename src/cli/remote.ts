import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../domain/refusal.ts';
import { reasonOf } from '../system-error.ts';

const TRIES = 3;
const PAUSE_MS = 1_000;
const POLL_MS = 500;
const PAGE = 1_000;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** An installation that the command drives by its operators' API. */
export interface Remote {
  get: <T>(path: string) => Promise<T>;
  /** As `get`; usernames, ids and times are as the domain has them. */
  read: <T>(path: string) => Promise<T>;
  /** All items of a list, in that form. @param most how many at most */
  list: <T>(path: string, most?: number) => Promise<T[]>;
  /** Sends a change. The answer has that form. */
  change: <T>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
  ) => Promise<T>;
  /** Sends a change. It is repeated with the same Idempotency-Key if no answer comes. */
  post: <T>(path: string, body?: object) => Promise<T>;
  /** Begins long work and waits for it. @returns its result @throws Refusal if it failed */
  work: <T>(path: string, body: object) => Promise<T>;
}

interface Operation<T> {
  id: string;
  status: string;
  finishedAt: string | null;
  result: T;
  error: { detail?: string } | null;
}

interface ProblemBody {
  detail?: string;
  title?: string;
  errors?: { pointer: string; detail: string }[];
}

/**
 * @param server address of the installation, such as `https://api.example.com`
 * @param keyFile holds an operator key
 * @throws Refusal for an invalid address, or a file that cannot be read
 */
export function openRemote(server: string | undefined, keyFile: string | undefined): Remote {
  if (server === undefined || keyFile === undefined) {
    throw new Refusal('malformed', '--server and --key-file belong together');
  }
  const base = baseOf(server);
  const key = keyOf(keyFile);

  async function send<T>(
    method: string,
    path: string,
    body?: object,
    reviver?: (name: string, value: unknown) => unknown,
  ): Promise<T> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(method === 'POST' || method === 'PUT' ? { 'idempotency-key': randomUUID() } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    const options = { method, headers, redirect: 'error' as const };
    for (let tries = 1; ; tries++) {
      const answer = await fetch(
        `${base}/operator/v1${path}`,
        body ? { ...options, body: JSON.stringify(body) } : options,
      ).catch((error: Error) => error);
      const isLost = answer instanceof Error || answer.status === 503;
      if (isLost && tries < TRIES) {
        await sleep(PAUSE_MS);
        continue;
      }
      if (answer instanceof Error) throw silent(base, method, answer);
      const text = await answer.text();
      if (!answer.ok) throw refused(base, answer.status, text);
      return (text === '' ? undefined : JSON.parse(text, reviver)) as T;
    }
  }

  const get = <T>(path: string) => send<T>('GET', path);
  const post = <T>(path: string, body?: object) => send<T>('POST', path, body);
  const change: Remote['change'] = (method, path, body) => send(method, path, body, revived);
  const read = <T>(path: string) => send<T>('GET', path, undefined, revived);
  return {
    get,
    post,
    read,
    change,
    list: async <T>(path: string, most = Number.POSITIVE_INFINITY) => {
      const items: T[] = [];
      const join = path.includes('?') ? '&' : '?';
      for (let cursor = ''; items.length < most; ) {
        const limit = Math.min(PAGE, most - items.length);
        const page = await read<{ data: T[]; next: string | null }>(
          `${path}${join}limit=${limit}${cursor}`,
        );
        items.push(...page.data);
        if (page.next === null) break;
        cursor = `&cursor=${page.next}`;
      }
      return items;
    },
    work: async <T>(path: string, body: object) => {
      let operation = await post<Operation<T>>(path, body);
      while (operation.finishedAt === null) {
        await sleep(POLL_MS);
        operation = await get<Operation<T>>(`/operations/${operation.id}`);
      }
      if (operation.status === 'succeeded') return operation.result;
      const why = operation.error?.detail ?? operation.status;
      throw new Refusal('conflict', `operation ${operation.id}: ${why}`);
    },
  };
}

/** Members that are numbers here and strings in the operators' API. */
const NUMBERS = ['id', 'username', 'account', 'masterAccount', 'billingAccount'];
const TIMES = /(At|Until|From|Since)$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A member of an answer as the domain has it. ETags are only for requests. */
function revived(name: string, value: unknown): unknown {
  if (name === 'etag') return undefined;
  if (name === 'accounts' && Array.isArray(value)) return value.map(Number);
  if (typeof value !== 'string') return value;
  if (TIMES.test(name) && TIME.test(value)) return new Date(value);
  return NUMBERS.includes(name) && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

/** The address without a path. A key must not cross a network in clear text. */
function baseOf(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.includes(url.hostname));
  if (!url || !isSafe) {
    throw new Refusal(
      'malformed',
      '--server must be an https:// address, or http:// of this machine',
    );
  }
  return url.origin;
}

function keyOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Refusal('malformed', `--key-file ${file}: ${reasonOf(error)}`);
  }
}

function silent(base: string, method: string, error: Error): Refusal {
  const silence = `${base} cannot be reached: ${reasonOf(error.cause ?? error).trim()}`;
  if (method === 'GET') return new Refusal('busy', silence);
  const unknown = 'it is not known whether a change was made; the same --reference counts once';
  return new Refusal('busy', `${silence}; ${unknown}`);
}

function refused(base: string, status: number, text: string): Refusal {
  let problem: ProblemBody | undefined;
  try {
    problem = JSON.parse(text) as ProblemBody;
  } catch {
    return new Refusal('busy', `${base} answered ${status}, and not as an operators' API does`);
  }
  const faults = problem.errors?.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`);
  const message = faults?.join('; ') ?? problem.detail ?? problem.title ?? `status ${status}`;
  return new Refusal('conflict', status === 401 ? 'the key in --key-file is not valid' : message);
}
