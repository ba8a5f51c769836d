import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchDelays } from '../support/delays.ts';
import { post } from '../support/service.ts';
import { startTarget } from './support.ts';

const SENDERS = 6;
// Requests wait 4 seconds for memory.
const LONGEST_MS = 3_500;

const target = startTarget();
const busyMs = watchDelays();

/** Begins bodies of a feed, in chunks, that go on a byte at a time. */
async function sendSlowly(t: TestContext, format: string): Promise<void> {
  const { hostname, port } = new URL(target.api.url);
  for (let n = 0; n < SENDERS; n++) {
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    const trickle = setInterval(() => socket.write('1\r\nx\r\n'), 100);
    socket.on('close', () => clearInterval(trickle));
    socket.write(
      `POST /ingest/v1/calls/${format} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n` +
        `Authorization: ${target.feeds[format]}\r\n\r\n11170\r\n${'x'.repeat(0x11170)}\r\n`,
    );
  }
  await sleep(500);
}

/** How long the answer to a large body takes. */
async function timeOf(format: string, body: Buffer | ReadableStream): Promise<number> {
  const began = performance.now();
  const authorization = target.feeds[format] ?? '';
  const path = `${target.api.url}/ingest/v1/calls/${format}`;
  const headers = { authorization };
  const answer = await fetch(path, { method: 'POST', headers, body, duplex: 'half' } as object);
  assert.equal(answer.status, 200, await answer.text());
  return performance.now() - began;
}

const bodyOf = (bytes: number) => Buffer.alloc(bytes, `${'x'.repeat(1_000)}\n`);
const chunked = (bytes: number) => new Blob([bodyOf(bytes)]).stream();

test('slow senders of one feed keep no large body of another feed out', async (t) => {
  await sendSlowly(t, 'generic');
  for (const body of [bodyOf(70_000), chunked(70_000), bodyOf(5_000_000)]) {
    const took = await timeOf('asterisk', body);
    assert.ok(took < LONGEST_MS + busyMs(), `${took} ms`);
  }
  const { status } = await post(`${target.api.url}/ingest/v1/registrations`, bodyOf(70_000), {
    authorization: target.feeds.kamailio ?? '',
  });
  assert.equal(status, 200);
});

test('slow senders of two feeds lose their place when another body needs it', async (t) => {
  for (const format of ['generic', 'kamailio']) await sendSlowly(t, format);
  await timeOf('asterisk', bodyOf(70_000));
});
