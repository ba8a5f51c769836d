import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { apiKey } from '../src/api/common/api-key.ts';
import { add } from '../src/api/v2.1/add.ts';
import { cdr } from '../src/api/v2.1/cdr.ts';
import { recover } from '../src/api/v2.1/recover.ts';
import { signup } from '../src/api/v2.1/signup.ts';
import { isAccountName, NAME_PATTERN } from '../src/domain/account-name.ts';
import type { Feed } from '../src/domain/calls/feed.ts';
import { isEmailAddress } from '../src/domain/email-address.ts';
import { assignableNumber, callerId, words } from '../src/domain/entered-values.ts';
import { dialledNumber } from '../src/domain/phone-number.ts';
import { clientAddress, parseNetworks } from '../src/http/client-address.ts';
import { parseStrictJson } from '../src/http/strict-json.ts';
import { VALIDATION } from '../src/http/validation.ts';
import { parseAsterisk } from '../src/ingest/formats/asterisk.ts';
import { localPath } from '../src/portal/input.ts';

const SHORT = 4_000;
const LONG = 8 * SHORT;
const TRIES = 4;
// A character takes as long in the long text in linear time, 8 times as long in quadratic time. A
// reader that is this fast needs no ratio.
const MOST = 2;
const NO_TIME_MS = 2;
const LEAST_MS = 50;

/** Texts that make an expression backtrack, each with about the given length. */
const HOSTILE: Record<string, (length: number) => string> = {
  letters: (length) => `${'a'.repeat(length)}\u0001`,
  digits: (length) => `${'1'.repeat(length)}x`,
  spaces: (length) => `x${' '.repeat(length)}\u0001`,
  'spaces at the start': (length) => `${' '.repeat(length)}\u0001`,
  'number marks': (length) => `${'1-'.repeat(length / 2)}x`,
  dots: (length) => `${'a.'.repeat(length / 2)}@`,
  labels: (length) => `a@${'a-'.repeat(length / 2)}`,
  hosts: (length) => `a@${'a.'.repeat(length / 2)}-`,
  colons: (length) => `${'a:'.repeat(length / 2)}x`,
  hops: (length) => `${'::1,'.repeat(length / 4)}::1`,
  elements: (length) => `${'for="[::1]",'.repeat(length / 12)}for="[::1]"`,
  quotes: (length) => '"'.repeat(length),
  'quoted quotes': (length) => '"" '.repeat(length / 3),
  backslashes: (length) => '\\'.repeat(length),
  brackets: (length) => `"${'< '.repeat(length / 2)}" <1> x`,
  'an open bracket': (length) => `<${' '.repeat(length)}x>y`,
  slashes: (length) => `/${'./'.repeat(length / 2)}\u0001`,
};

const name = new RegExp(NAME_PATTERN, 'u');
const FEED: Feed = {
  name: 'switch-1',
  format: 'asterisk',
  networks: [],
  debits: 'service',
  timeZone: 'UTC',
};
const trusted = parseNetworks(['::1', '127.0.0.1']);
const address = (header: 'x-forwarded-for' | 'forwarded') => (text: string) =>
  clientAddress('127.0.0.1', header, text, trusted);
const asteriskRow = (clid: string) => {
  const cells = ['', '2345678901', '8005550100', 'x', clid.replaceAll('"', '""')];
  const times = ['2030-01-02 03:04:05', '2030-01-02 03:04:05', '2030-01-02 03:04:06'];
  const row = [...cells, 'SIP/1', 'SIP/2', 'Dial', 'x', ...times, '1', '1', 'ANSWERED', '3'];
  return Buffer.from(row.map((cell) => `"${cell}"`).join(','));
};

/** Readers of texts that others send. */
const READERS: Record<string, (text: string) => unknown> = {
  NAME_PATTERN: (text) => name.test(text),
  isAccountName,
  isEmailAddress,
  dialledNumber,
  callerId: attempted(callerId),
  assignableNumber: attempted(assignableNumber),
  words: attempted(words),
  localPath,
  'X-Forwarded-For': address('x-forwarded-for'),
  Forwarded: address('forwarded'),
  'a JSON string': (text) => parseStrictJson(Buffer.from(JSON.stringify({ text }))),
  'a JSON name': (text) => parseStrictJson(Buffer.from(JSON.stringify({ [text]: 1 }))),
  'the name of a call of Asterisk': (text) => parseAsterisk(asteriskRow(text), FEED),
};

const ajv = new Ajv(VALIDATION);
for (const { name: operation, body } of [add, apiKey, cdr, recover, signup]) {
  for (const field of Object.keys(body.properties)) {
    const validate = ajv.compile({ type: 'object', properties: body.properties });
    READERS[`${operation}: ${field}`] = (text) => validate({ [field]: text });
  }
}

function attempted(read: (text: string) => unknown) {
  return (text: string) => {
    try {
      return read(text);
    } catch {
      return undefined;
    }
  };
}

/**
 * CPU time for a character: other work on the machine adds nothing. The text is read again and
 * again, because the clock ticks and the garbage collector comes now and then.
 */
function timeOf(read: (text: string) => unknown, text: string): number {
  const before = process.threadCpuUsage();
  let microseconds = 0;
  let times = 0;
  for (; microseconds < LEAST_MS * 1_000; times++) {
    read(text);
    const { user, system } = process.threadCpuUsage(before);
    microseconds = user + system;
  }
  return microseconds / times / text.length;
}

/** How much longer a character takes in the long text; 0 if the time is negligible. */
function growth(read: (text: string) => unknown, make: (length: number) => string): number {
  const [short, long] = [make(SHORT), make(LONG)];
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < TRIES && least >= MOST; attempt++) {
    const started = performance.now();
    read(long);
    if (performance.now() - started < NO_TIME_MS) return 0;
    least = Math.min(least, timeOf(read, long) / timeOf(read, short));
  }
  return least;
}

for (const [what, read] of Object.entries(READERS)) {
  test(`${what} takes linear time for any text`, () => {
    for (const [kind, make] of Object.entries(HOSTILE)) {
      const times = growth(read, make);
      assert.ok(times < MOST, `${kind}: ${times.toFixed(1)} times as long`);
    }
  });
}
