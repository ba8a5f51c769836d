import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { noteAnswers } from './answered.ts';
import { decorateRequests } from './request.ts';

test('all answers are told before the server has closed', async () => {
  const app = Fastify();
  decorateRequests(app, { trustProxy: [], forwardedHeader: 'x-forwarded-for' });
  noteAnswers(app);
  const told: string[] = [];
  app.onAnswered((answered) => void told.push(...answered.map(({ route }) => route)));
  app.get('/first', async () => '');
  app.get('/second', async () => '');
  for (const path of ['/first', '/second', '/third']) await app.inject(path);
  await app.close();
  assert.deepEqual(told, ['/first', '/second', '(none)']);
});
