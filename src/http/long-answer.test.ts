import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import Fastify from 'fastify';
import { answerErrors } from './failures.ts';
import { allowLongAnswers, longAnswer } from './long-answer.ts';
import { plainEnvelope } from './plain-envelope.ts';
import { decorateRequests } from './request.ts';

const app = Fastify();
app.setErrorHandler(answerErrors(plainEnvelope));
decorateRequests(app, { trustProxy: ['127.0.0.1'], forwardedHeader: 'x-forwarded-for' });
allowLongAnswers(app);
app.get<{ Params: { account: string } }>('/:account', async (request, reply) =>
  reply.send(await longAnswer(request, Number(request.params.account), endless())),
);
app.get('/fails', async (request, reply) => reply.send(await longAnswer(request, 1, fails())));

async function* endless() {
  for (;;) yield 'x'.repeat(100_000);
}

before(() => app.listen({ port: 0, host: '127.0.0.1' }));
after(() => {
  app.server.closeAllConnections();
  return app.close();
});

const sent: ClientRequest[] = [];

/** Asks for an endless answer, and reads nothing of it. */
async function ask(account: number, address: string): Promise<IncomingMessage> {
  const { port } = app.server.address() as AddressInfo;
  const request = get({ port, path: `/${account}`, headers: { 'x-forwarded-for': address } });
  request.on('error', () => undefined);
  sent.push(request);
  const [answer] = await once(request, 'response');
  answer.on('error', () => undefined);
  return answer;
}

const statusOf = async (account: number, address: string) =>
  (await ask(account, address)).statusCode;

test('each account and each address has a share, and those who take nothing make room', async () => {
  for (let n = 0; n < 8; n++) assert.equal(await statusOf(1, `192.0.2.${n}`), 200);
  const refused = await ask(1, '192.0.2.8');
  assert.deepEqual([refused.statusCode, refused.headers['retry-after']], [429, '10']);
  for (let n = 0; n < 16; n++) assert.equal(await statusOf(100 + n, '2001:db8::1'), 200);
  assert.equal(await statusOf(200, '2001:db8::2'), 429);
  for (let n = 0; n < 40; n++) assert.equal(await statusOf(300 + n, `198.51.100.${n}`), 200);
  assert.equal(await statusOf(400, '203.0.113.1'), 503);

  const [oldest] = app.longAnswers;
  assert.ok(oldest);
  oldest.takenAt -= 60_000;
  assert.equal(await statusOf(1, '203.0.113.1'), 200);
  assert.equal(app.longAnswers.has(oldest), false);
  assert.equal(app.longAnswers.size, 64);

  for (const request of sent) request.destroy();
  while (app.longAnswers.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await statusOf(1, '192.0.2.1'), 200);
  sent.at(-1)?.destroy();
});

test('what fails before it begins takes no place', async () => {
  const { size } = app.longAnswers;
  assert.equal((await app.inject('/fails')).statusCode, 500);
  assert.equal(app.longAnswers.size, size);
});

// biome-ignore lint/correctness/useYield: that is the point
async function* fails(): AsyncGenerator<string> {
  throw new Error('no first part');
}
