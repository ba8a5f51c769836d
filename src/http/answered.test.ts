import assert from 'node:assert/strict';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { type Answered, noteAnswers } from './answered.ts';
import { decorateRequests } from './request.ts';

test('all answers are told before the server has closed', async () => {
  const app = Fastify();
  noteAnswers(app);
  decorateRequests(app, { trustProxy: [], forwardedHeader: 'x-forwarded-for' });
  const told: string[] = [];
  app.onAnswered((answered) => void told.push(...answered.map(({ route }) => route)));
  app.get('/first', async () => '');
  app.get('/second', async () => '');
  for (const path of ['/first', '/second', '/third']) await app.inject(path);
  await app.close();
  assert.deepEqual(told, ['/first', '/second', '(none)']);
});

test('a request whose client leaves is told of, before its answer as 400', async () => {
  const app = Fastify();
  noteAnswers(app);
  decorateRequests(app, { trustProxy: [], forwardedHeader: 'x-forwarded-for' });
  const told = Promise.withResolvers<Answered[]>();
  app.onAnswered(told.resolve);
  const asked = Promise.withResolvers<void>();
  app.get('/slow', () => {
    asked.resolve();
    return new Promise(() => undefined);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
  await asked.promise;
  client.destroy();
  const shown = (await told.promise).map(({ id, at, ms, ...rest }) => rest);
  assert.deepEqual(shown, [{ method: 'GET', route: '/slow', status: 400, address: '127.0.0.1' }]);
  await app.close();
});
