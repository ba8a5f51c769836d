import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { InvalidValue } from '../domain/problem.ts';
import { allowedAddresses, type Resolve, requireUrl } from './allowed-address.ts';
import { post } from './post.ts';

const PRIVATE = [
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '192.0.0.8',
  '198.18.0.1',
  '203.0.113.9',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  'fe80::1',
  'fd00:ec2::254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
];
const SPELLINGS = [
  'https://0x7f000001/',
  'https://2130706433/',
  'https://017700000001/',
  'https://127.1/',
  'https://127.0.0.1./',
  'https://[::ffff:7f00:1]/',
  'https://0/',
  'https://%31%32%37.0.0.1/',
  'https://①②⑦.0.0.1/',
  'https://0xa9.0xfe.0xa9.0xfe/latest/meta-data',
];
const never: Resolve = () => assert.fail('a literal address is not resolved');
const at =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

async function receiver(listen: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listen);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  server.unref();
  return { server, port: (server.address() as AddressInfo).port };
}

const message = { headers: {}, body: '{}' };

test('no address but a public one is reached, however it is written', async () => {
  for (const address of PRIVATE) {
    const url = `https://${address.includes(':') ? `[${address}]` : address}/`;
    assert.throws(() => requireUrl(url, []), InvalidValue, url);
    const named = new URL('https://hooks.example.com/');
    await assert.rejects(allowedAddresses(named, [], at(address)), { name: 'Error' }, address);
    await assert.rejects(allowedAddresses(named, [], at('93.184.215.14', address)), address);
  }
  for (const url of SPELLINGS) {
    assert.throws(() => requireUrl(url, []), InvalidValue, url);
    const outcome = await post(url, message, { allow: [], resolve: never });
    assert.equal(outcome.error, 'refused address', url);
  }
  assert.equal(requireUrl('https://[2606:4700::1111]/x', []).port, '');
  const both = at('93.184.215.14', '2606:4700::1111');
  const found = await allowedAddresses(new URL('https://hooks.example.com/'), [], both);
  assert.deepEqual([found.addresses.length, found.isPublic], [2, true]);
});

test('a URL has https, a usual port, and neither user nor fragment', () => {
  const cases: [string, string][] = [
    ['http://crm.example.com/', 'https'],
    ['ftp://crm.example.com/', 'https'],
    ['https://user:pass@crm.example.com/', 'user'],
    ['https://crm.example.com/#part', 'fragment'],
    ['https://crm.example.com:22/', 'port'],
    ['https://crm.example.com:80/', 'port'],
    ['crm.example.com', 'form'],
    [`https://crm.example.com/${'a'.repeat(2_000)}`, 'long'],
    ['https://10.0.0.1/', 'private'],
  ];
  for (const [url, fault] of cases) {
    assert.throws(() => requireUrl(url, []), { problem: { key: 'url', fault } }, url);
  }
  for (const url of ['https://crm.example.com/', 'https://crm.example.com:8443/a?b=c']) {
    assert.equal(requireUrl(url, []).href, url);
  }
});

test('WEBHOOK_ALLOW opens what it lists and not its neighbour, by http too', async () => {
  const reaches = (address: string, allow: string[], url = 'https://crm.lan/') =>
    allowedAddresses(new URL(url), allow, at(address)).then(
      () => true,
      () => false,
    );
  assert.equal(await reaches('10.0.7.9', ['10.0.7.0/24']), true);
  assert.equal(await reaches('10.0.8.9', ['10.0.7.0/24']), false);
  assert.equal(await reaches('::ffff:10.0.7.9', ['10.0.7.0/24']), true);
  assert.equal(await reaches('10.0.7.9', ['10.0.7.9']), true);
  assert.equal(await reaches('10.0.7.10', ['10.0.7.9']), false);
  assert.equal(await reaches('10.0.7.9', ['crm.lan']), true);
  assert.equal(await reaches('10.0.7.9', ['crm.lan'], 'https://other.crm.lan/'), false);
  assert.equal(await reaches('fd00::7', ['fd00::/64']), true);
  assert.equal(await reaches('fd00:1::7', ['fd00::/64']), false);
  assert.equal(await reaches('93.184.215.14', ['10.0.7.0/24'], 'http://crm.lan/'), false);
  assert.equal(await reaches('10.0.7.9', ['10.0.7.0/24'], 'http://crm.lan/'), true);
});

test('the connection goes to the address that was checked, under the name of the URL', async () => {
  const hosts: (string | undefined)[] = [];
  const { server, port } = await receiver((request, response) => {
    hosts.push(request.headers.host);
    response.end('thanks');
  });
  // A name that no resolver knows: only the pinned address can be meant.
  const url = `http://crm.invalid:${port}/events`;
  let asked = 0;
  const rebinding: Resolve = async () => {
    asked++;
    return [{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }];
  };
  const tools = { allow: ['127.0.0.1'], resolve: rebinding };
  const first = await post(url, message, tools);
  assert.deepEqual([first.status, first.error, first.reply], [200, null, 'thanks']);
  const second = await post(url, message, tools);
  assert.deepEqual([second.status, second.error], [null, 'refused address']);
  assert.deepEqual([asked, hosts], [2, [`crm.invalid:${port}`]]);
  server.close();
});

test('no redirect is followed, a long reply is cut, and errors are classes', async () => {
  const answers: Record<string, RequestListener> = {
    '/redirect': (_, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    '/long': (_, response) => response.end(Buffer.alloc(10_000_000, 'x')),
    '/wait': (_, response) => response.writeHead(429, { 'retry-after': '120' }).end(),
    '/secret': (_, response) => response.writeHead(500).end('what an inner service says'),
    '/cut': (_, response) => response.destroy(),
  };
  const { server, port } = await receiver((request, response) =>
    answers[request.url ?? '']?.(request, response),
  );
  const outcomes = await Promise.all(
    Object.keys(answers).map((path) =>
      post(`http://127.0.0.1:${port}${path}`, message, { allow: ['127.0.0.1'], resolve: never }),
    ),
  );
  assert.deepEqual(
    outcomes.map(({ status, error, reply, retryAfterSeconds }) => [
      ...[status, error, reply?.length, retryAfterSeconds],
    ]),
    [
      [302, 'status 302', undefined, undefined],
      [200, null, 1_024, undefined],
      [429, 'status 429', undefined, 120],
      [500, 'status 500', undefined, undefined],
      [null, 'connection lost', undefined, undefined],
    ],
  );
  server.close();
  const gone = await post(`http://127.0.0.1:${port}/`, message, {
    allow: ['127.0.0.1'],
    resolve: never,
  });
  assert.equal(gone.error, 'connection refused');
  const plain = await post(`https://127.0.0.1:${port}/`, message, { allow: [], resolve: never });
  assert.equal(plain.error, 'refused address');
  const unknown = await post('https://crm.invalid/', message, {
    ...{ allow: [] },
    resolve: async () => {
      throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    },
  });
  assert.equal(unknown.error, 'no such host');
});
