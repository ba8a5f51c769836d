import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { createNamedKey } from '../../src/domain/access/named-key.ts';
import { storeFreeCalls } from '../support/calls.ts';
import { type Contract, type Customer, newAddress, startContract } from '../support/contract.ts';
import { TESTER } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const PATHS = ['/v2.1/account/info', '/v2.1/account/cdr/'];

let contract: Contract;
let customer: Customer;
let named: string;
before(async () => {
  contract = await startContract();
  customer = await contract.signUp();
  const { db, keyring, clock } = contract.api.service;
  // More than the first page of an answer.
  await storeFreeCalls(db, customer.username, 2_500);
  const settings = { name: 'x', networks: [], expiresAt: null };
  const given = { keyring, now: clock() };
  named = await createNamedKey(db, TESTER, given, customer.username, settings);
});
after(() => contract.api.stop());

/** Sends the bytes of a request. @returns those of the answer, without what differs in time */
async function send(
  path: string,
  { address, more = [], body }: { address: string; more?: string[]; body: string },
): Promise<string> {
  const socket = connect(Number(new URL(contract.api.url).port), '127.0.0.1');
  const length = more.some((header) => header.startsWith('Transfer'))
    ? []
    : [`Content-Length: ${Buffer.byteLength(body)}`];
  const forwarded = `X-Forwarded-For: ${address}`;
  const head = [`POST ${path} HTTP/1.1`, 'Host: a', forwarded, ...more, ...length];
  socket.write(`${[...head, 'Connection: close', '', body].join('\r\n')}`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  const [headers = '', ...content] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  const [first, ...others] = headers
    .split('\r\n')
    .map((line) => line.replace(/^(date|retry-after): .*/i, '$1'));
  return [first, ...others.sort(), ...content].join('\r\n');
}

const logged = (address: string) =>
  contract.api
    .logged()
    .split('\n')
    .filter((line) => line.includes(`"address":"${address}"`))
    .map((line) => JSON.parse(line));

test('with a key in a short body, answers without Fastify are those of Fastify', async () => {
  const good = JSON.stringify({ apikey: customer.apikey });
  const wrong = JSON.stringify({ apikey: customer.apikey.replace(/^./, 'x') });
  const bearer = `Authorization: Bearer ${customer.apikey}`;
  const json = 'Content-Type: application/json';
  const requests: [status: number, body: string, ...more: string[]][] = [
    [200, good],
    [200, good, json],
    [200, ` ${good.replace(':', ' :\n')}`, 'Content-Type: application/json; charset=utf-8'],
    [200, good, 'Authorization: Basic eDp5'],
    [200, good, 'Content-Encoding: gzip'],
    [200, JSON.stringify({ apikey: named }), json],
    [401, wrong, json],
    [401, good.replace('"}', '0"}'), json],
    [401, JSON.stringify({ apikey: `${named}0` }), json],
    // The header decides.
    [200, wrong, json, bearer],
    [401, good, json, `${bearer}0`],
    [401, good, json, 'Authorization: Bearer'],
    [400, '{"apikey":""}', json],
    [400, '{"apikey":null}', json],
    [401, '{"apikey":1}', json],
    [400, '{}', json],
    [200, good.replace('}', ',"x":1}'), json],
    [400, good.replace('}', `,${good.slice(1)}`), json],
    [400, good.slice(0, -1), json],
    [400, `[${good}]`, json],
    [415, good, 'Content-Type: text/plain'],
    [
      200,
      `${Buffer.byteLength(good).toString(16)}\r\n${good}\r\n0\r\n\r\n`,
      'Transfer-Encoding: chunked',
    ],
  ];
  for (const [status, body, ...more] of requests) {
    for (const path of PATHS) {
      const address = newAddress();
      // A path with a query has no shortcut.
      const full = await send(`${path}?a=1`, { address, more, body });
      assert.equal(await send(path, { address, more, body }), full);
      assert.equal(full.slice(9, 12), String(status), `${body} ${more}`);
    }
  }
});

test('each request is counted once, and logged once', async () => {
  const address = newAddress();
  const bodies = [{ apikey: customer.apikey }, { apikey: 'x' }, { apikey: named }, { x: 1 }];
  const statuses: string[] = [];
  for (const body of [...bodies, ...bodies]) {
    statuses.push(
      (await send('/v2.1/account/info', { address, body: JSON.stringify(body) })).slice(9, 12),
    );
  }
  assert.deepEqual(statuses, ['200', '401', '200', '400', '200', '401', '429', '429']);
  await waitUntil(() => logged(address).length === 8);
  assert.deepEqual(
    logged(address).map(({ status }) => String(status)),
    statuses,
  );
});

test('a client that leaves before its body is whole is counted and logged alike', async () => {
  for (const path of PATHS) {
    const noted: unknown[] = [];
    for (const asked of [path, `${path}?a=1`]) {
      const address = newAddress();
      const socket = connect(Number(new URL(contract.api.url).port), '127.0.0.1');
      const head = [`POST ${asked} HTTP/1.1`, 'Host: a', `X-Forwarded-For: ${address}`];
      socket.write([...head, 'Content-Length: 45', '', '{"apikey":"'].join('\r\n'));
      const { db } = contract.api.service;
      const count = () =>
        db.query('SELECT points FROM rate_limit WHERE key LIKE $1', [`%${address}`]);
      await waitUntil(async () => (await count()).length > 0);
      socket.destroy();
      await waitUntil(() => logged(address).length > 0);
      const [{ status, route, method }] = logged(address);
      noted.push({ status, route, method, lines: logged(address).length, counts: await count() });
    }
    assert.deepEqual(noted[0], noted[1]);
    assert.deepEqual(noted[0], {
      status: 400,
      route: path,
      method: 'POST',
      lines: 1,
      counts: [{ points: 1 }],
    });
  }
});
