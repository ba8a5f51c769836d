import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Fastify from 'fastify';
import { type Answered, noteAnswers } from './answered.ts';
import { decorateRequests } from './request.ts';
import { allowShortcuts, type Shortcut } from './shortcut.ts';

const PATH = '/shortened';
const FAULT = new Error('a fault of the shortcut');

const app = Fastify();
let answered: Omit<Answered, 'id' | 'at'>[] = [];
noteAnswers(app);
decorateRequests(app, { trustProxy: [], forwardedHeader: 'x-forwarded-for' });
allowShortcuts(app);
app.onAnswered((all) => {
  for (const { id, at, ...rest } of all) {
    assert.ok(id);
    assert.ok(Math.abs(at - Date.now()) < 10_000);
    answered.push(rest);
  }
});
app.post(PATH, async () => 'by the route');

let url: string;
before(async () => {
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});
after(() => {
  app.server.closeAllConnections();
  return app.close();
});

/** @returns status and body, and what was noted without its time */
async function answerBy(shortcut: Shortcut) {
  app.shortcuts.set(PATH, { shortcut, headers: { 'content-type': 'text/plain' } });
  answered = [];
  const signal = AbortSignal.timeout(2_000);
  const response = await fetch(`${url}${PATH}`, { method: 'POST', signal });
  const shown = [response.status, await response.text()];
  app.tellAnswered();
  return { shown, noted: answered.map(({ ms, ...rest }) => rest) };
}

const NOTED = [{ method: 'POST', route: PATH, status: 200, address: '127.0.0.1' }];

test('a shortcut that fails leaves its request to the route, with the time that it took', async () => {
  const answer = await answerBy(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw FAULT;
  });
  assert.deepEqual(answer, { shown: [200, 'by the route'], noted: NOTED });
  const [{ ms = 0 } = {}] = answered;
  // A timer may be a millisecond early.
  assert.ok(ms >= 19, `${ms} ms`);
});

test('a shortcut that fails after its answer changes nothing', async () => {
  const answer = await answerBy(async (_request, _next, send) => {
    send({ status: 200, body: 'by the shortcut' }, '127.0.0.1');
    throw FAULT;
  });
  assert.deepEqual(answer, { shown: [200, 'by the shortcut'], noted: NOTED });
});
