// The Lua scripts of deploy/freeswitch, unchanged, with `mod_lua.lua` in FreeSWITCH's place: Debian
// has no FreeSWITCH. They ask the real service, with the real curl.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { addNumber } from '../../src/domain/billing/recurring-charge.ts';
import { addCustomer } from '../support/calls.ts';
import { sharedService, TESTER } from '../support/service.ts';

const LUA = 'lua5.3';
const STAND_IN = fileURLToPath(new URL('mod_lua.lua', import.meta.url));
const SCRIPTS = fileURLToPath(new URL('../../deploy/freeswitch', import.meta.url));
const HOLD_SECONDS = 600;
const execute = promisify(execFile);

let feed: string;
let certificate: string;
/** Bodies that came with credentials, by either server. */
const asked: string[] = [];

const api = sharedService({ HOLD_SECONDS: String(HOLD_SECONDS) }, async () => {
  feed = Buffer.from((await api.feed('freeswitch')).slice(6), 'base64').toString();
  await startServers();
});

/** Passes a request on to the service, and its answer back. */
const passOn: RequestListener = async (request, response) => {
  const { authorization = '', 'content-type': type = '' } = request.headers;
  const body = Buffer.concat(await request.toArray()).toString();
  if (authorization) asked.push(body);
  const headers = { 'content-type': type, ...(authorization && { authorization }) };
  const answer = await fetch(`${api.url}${request.url}`, { method: 'POST', headers, body });
  const challenge = answer.headers.get('www-authenticate');
  response.writeHead(answer.status, challenge ? { 'www-authenticate': challenge } : {});
  response.end(await answer.text());
};
const plain = createServer(passOn);
let secure: ReturnType<typeof createTlsServer>;
const hostOf = (server: typeof plain | typeof secure) =>
  `localhost:${(server.address() as AddressInfo).port}`;

async function startServers(): Promise<void> {
  certificate = join(api.folder, 'tls.pem');
  const key = join(api.folder, 'tls.key');
  await execute('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-keyout', key, '-out', certificate],
  ]);
  secure = createTlsServer({ key: await readFile(key), cert: await readFile(certificate) }, passOn);
  for (const server of [plain, secure]) {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  }
}
after(() => {
  for (const server of [plain, secure]) {
    server.closeAllConnections();
    server.close();
  }
});

type Variables = Record<string, string>;

/** Runs a script. @returns what it asked FreeSWITCH to do */
async function run(command: string[], variables: Variables = {}): Promise<string[]> {
  const settings = {
    script_dir: SCRIPTS,
    account_api_scheme: 'http',
    account_api_address: `${hostOf(plain)}/ingest/v1`,
    account_api_credentials: feed,
  };
  const env = { PATH: process.env.PATH, ...settings, ...variables };
  const { stdout, stderr } = await execute(LUA, [STAND_IN, ...command], { env });
  assert.equal(stderr, '');
  return stdout.split('\n').slice(0, -1);
}

const AUTHORIZE = 'account_api_authorize.lua';

/** A phone's call. @returns what FreeSWITCH was asked to do */
function call(account: number, number: string, variables: Variables = {}, uuid = randomUUID()) {
  const session = {
    session_uuid: uuid,
    session_accountcode: String(account),
    session_destination_number: number,
  };
  return run([AUTHORIZE], { ...session, ...variables });
}

const holdsOf = (account: number) =>
  api.service.db.query('SELECT call_id, called FROM hold WHERE account = $1', [account]);

/** What is asked for a call that lasts a whole hold. */
const limited = (uuid: string, account: number, dial: string) => [
  `sched_hangup +${HOLD_SECONDS} ${uuid} allotted_timeout`,
  `sched_api +${HOLD_SECONDS / 2} none luarun ${AUTHORIZE} ${uuid} ${account} ${dial}`,
];

test('a call gets the number that was checked and an end, and asks again during the call', async () => {
  const account = await addCustomer(api, { cash: '5' });
  const uuid = randomUUID();
  const done = await call(account, '1 (800) 555-0100', {}, uuid);
  const [first = '', ...schedule] = done;
  const dial = first.replace('set account_api_dst=', '');
  assert.equal(dial, '+18005550100');
  assert.deepEqual(schedule, limited(uuid, account, dial));
  assert.deepEqual(await holdsOf(account), [{ call_id: uuid, called: '8005550100' }]);

  const again = schedule[1]?.replace(/^.* luarun /, '').split(' ') ?? [];
  const extended = await run(again, { living: uuid });
  assert.deepEqual(extended, [`sched_del ${uuid}`, ...limited(uuid, account, dial)]);
  assert.equal((await holdsOf(account)).length, 1);

  const before = asked.length;
  assert.deepEqual(await run(again, { living: 'another call' }), []);
  assert.equal(asked.length, before);
  // The end that is scheduled stays.
  const away = { account_api_address: '127.0.0.1:1/ingest/v1' };
  assert.deepEqual(await run(again, { living: uuid, ...away }), []);
});

test('a call is refused without money, without the service, and with wrong credentials', async () => {
  const account = await addCustomer(api);
  const refusals: [Variables, string][] = [
    [{}, 'CALL_REJECTED'],
    [{ account_api_address: '127.0.0.1:1/ingest/v1' }, 'NORMAL_TEMPORARY_FAILURE'],
    [{ account_api_address: `${hostOf(plain)}/elsewhere` }, 'NORMAL_TEMPORARY_FAILURE'],
    [{ account_api_credentials: 'freeswitch:wrong' }, 'NORMAL_TEMPORARY_FAILURE'],
    [{ session_accountcode: '' }, 'NORMAL_TEMPORARY_FAILURE'],
  ];
  for (const [variables, cause] of refusals) {
    assert.deepEqual(await call(account, '18005550100', variables), [`hangup ${cause}`]);
  }
});

test('a dialled text is asked about as it is, whatever its characters', async () => {
  const [account, other] = [await addCustomer(api, { cash: '5' }), await addCustomer(api)];
  const every = Array.from({ length: 127 }, (_, code) => String.fromCharCode(code + 1)).join('');
  const texts = [
    ...[every, '"', '\\', '\\"', "'", '%22', '%', '\\u0022', '+', ' ', '\n', '$(id)`id`', 'é☎'],
    `","account":"${other}`,
    `1","account":"${other}","x":"`,
    '18005550100 insecure',
    '18005550100\r\nX: 1',
  ];
  for (const text of texts) {
    const uuid = randomUUID();
    const from = asked.length;
    const [done, ...others] = await call(account, text, {}, uuid);
    const question = { account: String(account), dst: text, call_id: uuid, rewrite: true };
    assert.deepEqual(
      asked.slice(from).map((body) => JSON.parse(body)),
      [question],
      text,
    );
    assert.match(String(done), /^hangup (CALL_REJECTED|NORMAL_TEMPORARY_FAILURE)$/, text);
    assert.deepEqual(others, [], text);
  }
  assert.deepEqual([...(await holdsOf(account)), ...(await holdsOf(other))], []);
});

test('a call to a number finds its owner, who pays, and the user of his phones', async () => {
  const account = await addCustomer(api, { cash: '5' });
  const number = { account, number: '8005550177', monthly: '0' };
  await addNumber(api.service.db, TESTER, number, new Date());
  const uuid = randomUUID();
  const incoming = (number: string) =>
    run([AUTHORIZE, 'incoming'], { session_uuid: uuid, session_destination_number: number });
  assert.deepEqual(await incoming('18005550177'), [
    `set accountcode=${account}`,
    `set account_api_user=${account}`,
    'set account_api_dst=+18005550177',
    ...limited(uuid, account, '+18005550177'),
  ]);
  assert.deepEqual(await incoming('18005550178'), ['hangup UNALLOCATED_NUMBER']);
  assert.deepEqual(await incoming('"'), ['hangup UNALLOCATED_NUMBER']);
});

test('over https a certificate that is not trusted is refused, and nothing is told', async () => {
  const account = await addCustomer(api, { cash: '5' });
  const https = { account_api_scheme: 'https', account_api_address: `${hostOf(secure)}/ingest/v1` };
  const from = asked.length;
  const refused = await call(account, '18005550100', https);
  assert.deepEqual(refused, ['hangup NORMAL_TEMPORARY_FAILURE']);
  const otherName = {
    ...https,
    account_api_address: https.account_api_address.replace('localhost', '127.0.0.1'),
  };
  const trusted = { CURL_CA_BUNDLE: certificate };
  assert.deepEqual(await call(account, '18005550100', { ...otherName, ...trusted }), refused);
  assert.equal(asked.length, from);
  const [allowed] = await call(account, '18005550100', { ...https, ...trusted });
  assert.equal(allowed, 'set account_api_dst=+18005550100');
});

test('registrations and their ends are pushed', async () => {
  const account = await addCustomer(api);
  const contactsOf = async () =>
    (
      await api.service.db.query(
        'SELECT contact FROM registration WHERE account = $1 AND expires_at > now()',
        [account],
      )
    ).map((row) => Object.values(row)[0]);
  const push = (subclass: string, contact: string, contacts: string) => {
    const event = {
      'Event-Name': 'CUSTOM',
      'Event-Date-Timestamp': String(Date.now() * 1_000),
      'Event-Subclass': `sofia::${subclass}`,
      'profile-name': 'internal',
      'from-user': String(account),
      'from-host': 'sip.example.net',
      contact,
      expires: '600',
      'network-ip': '192.0.2.1',
      'network-port': '5060',
      'user-agent': 'Zoiper',
    };
    return run(['account_api_registration.lua'], { event: JSON.stringify(event), contacts });
  };
  const contact = `sip:${account}@192.0.2.1:5060`;
  assert.deepEqual(await push('register', `<${contact}>`, ''), []);
  assert.deepEqual(await contactsOf(), [contact]);
  await push('unregister', '<sip:another@192.0.2.9>', contact);
  assert.deepEqual(await contactsOf(), [contact]);
  // A phone whose connection broke is unregistered without its contact.
  await push('unregister', '<sip:another@192.0.2.9>', 'error/user_not_registered');
  assert.deepEqual(await contactsOf(), []);
});
