import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { simpleParser } from 'mailparser';
import pg from 'pg';
import { embeddedConnection, runCommand, type Server, startServer } from '../support/server.ts';
import { linkIn, post, submit } from '../support/service.ts';
import { Visitor } from '../support/visitor.ts';
import { waitUntil } from '../support/wait.ts';

// Places that may hold secrets: the files of the first start, unsent mails, the key.
const MAY_HOLD_SECRETS = /^(admin\.json|secret\.key|mail\/[^/]+\.eml)$/;
const NO_SECRET = 'A Name That Is No Secret';

let folder: string;
/** files of another system and reports, which are not the service's */
let outside: string;
let server: Server;
const shownByProcesses: string[] = [];
const secrets = new Map<string, string>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-api-at-rest-'));
  outside = await mkdtemp(join(tmpdir(), 'account-api-outside-'));
  server = await startServer(folder, { env: { LOG_LEVEL: 'trace' } });
  await useEverything();
});
after(async () => {
  server.kill('SIGTERM');
  await server.ended;
  for (const path of [folder, outside])
    await rm(path, { recursive: true, force: true, maxRetries: 10 });
});

/** Makes every kind of secret in the service, and remembers it. */
async function useEverything(): Promise<void> {
  const admin = JSON.parse(readFileSync(join(folder, 'admin.json'), 'utf8'));
  keep('administrator’s password', admin.password);
  keep('administrator’s key', admin.apikey);
  keep('secret key', readFileSync(join(folder, 'secret.key'), 'utf8').trim());
  const email = 'rest@example.com';
  const api = (operation: string, body: object) =>
    post(`${server.url}/v2.1/account/${operation}/`, body);
  const { username, password } = (await api('signup', { name: NO_SECRET, email })).body.account;
  keep('signed-up password', password);
  keep('first key', (await api('apikey', { username, password })).body.apikey);
  keep('verification token', tokenOf(await mailTo(email, 1), 'verify'));
  await api('recover', { email });
  const reset = await mailTo(email, 2);
  keep('recovery token', tokenOf(reset, 'reset'));
  const chosen = 'correct horse battery staple';
  keep('chosen password', chosen);
  const answer = await submit(linkIn(reset, 'reset'), { password: chosen, repeated: chosen });
  assert.equal(answer.status, 200, answer.body);
  keep('second key', (await api('apikey', { username, password: chosen })).body.apikey);
  const feed = await runCommand<{ secret: string }>(folder, [
    'feed',
    'add',
    'pbx1',
    '--format',
    'generic',
  ]);
  keep('feed’s secret', feed.secret);
  const sip = await runCommand<{ secret: string }>(folder, [
    'account',
    'sip-secret',
    String(username),
  ]);
  keep('SIP secret', sip.secret);
  const headers = { 'idempotency-key': 'sign-up-of-a-client' };
  const kept = await post(
    `${server.url}/v2.2/accounts`,
    { name: NO_SECRET, email: 'kept@example.com' },
    headers,
  );
  keep('password of a kept answer', kept.body.data.password);
  const operatorKey = await runCommand<{ secret: string }>(folder, [
    ...['operator-key', 'create', 'crm', '--scopes', 'accounts:write,credentials:write'],
  ]);
  keep('operator key', operatorKey.secret);
  const created = await post(
    `${server.url}/operator/v1/accounts`,
    { name: NO_SECRET, email: 'crm@example.com', onboarding: 'credentials' },
    { authorization: `Bearer ${operatorKey.secret}`, 'idempotency-key': 'crm-1' },
  );
  keep('password for a CRM', created.body.password);
  keep('key for a CRM', created.body.apikey);
  const webhook = await runCommand<{ id: string; secret: string }>(folder, [
    ...['webhook', 'add', 'https://93.184.215.14/', '--types', 'key.*', '--disabled'],
  ]);
  keep('webhook secret', webhook.secret);
  const rotated = await runCommand<{ secret: string }>(folder, ['webhook', 'rotate', webhook.id]);
  keep('next webhook secret', rotated.secret);
  await importEverything();
  const visitor = new Visitor(server.url);
  await visitor.open('/sign-in');
  await visitor.submit('/sign-in', { login: String(username), password: chosen });
  for (const [name, value] of visitor.cookies) if (value.length > 20) keep(`cookie ${name}`, value);
  await visitor.follow('/api/keys');
  await visitor.submit('/api/keys', { name: 'bookkeeping' });
  const made = await visitor.submitAndFollow('/api/keys', { current: chosen });
  keep('named key', /accapi_ro_[0-9A-Za-z]{38}/.exec(made.body)?.[0] ?? '');
  assert.ok(secrets.size >= 14, [...secrets.keys()].join(', '));
}

/** Imports secrets of another system, by the command and over HTTP, and exports all. */
async function importEverything(): Promise<void> {
  const md5 = createHash('md5').update('a password of before 2').digest('hex');
  const accounts = (prefix: string, password: string) =>
    [
      'externalId,name,email,password,passwordHash',
      `${prefix}-1,${NO_SECRET},${prefix}-1@example.com,${password},`,
      `${prefix}-2,${NO_SECRET},${prefix}-2@example.com,,${md5}`,
      `${prefix}-3,${NO_SECRET},nowhere,${password} too,`,
    ].join('\n');
  const phones = (prefix: string, secret: string) =>
    `externalId,sipUser,sipSecret\n${prefix}-1,${prefix}-phone,${secret}\n${prefix}-9,x,${secret}!\n`;
  keep('digest of a password of before', md5);
  keep('password of before', 'Plain password of before');
  keep('password of before over HTTP', 'Plain password over HTTP');
  keep('SIP secret of before', 'Kept4phones!x7Q');
  keep('SIP secret of before over HTTP', 'Kept4desks!y8R');
  const file = (name: string, text: string) => {
    writeFileSync(join(outside, name), text);
    return join(outside, name);
  };
  const report = join(outside, 'report.ndjson');
  const credentials = join(outside, 'credentials.ndjson');
  const watch = setInterval(() => shownByProcesses.push(...leaksOfProcesses().leaks), 50);
  await runCommand(folder, [
    ...['import', 'accounts', file('a.csv', accounts('cli', 'Plain password of before'))],
    ...['--passwords', 'take', '--credentials', credentials, '--report', report],
  ]).catch(() => undefined);
  const sip = file('s.csv', phones('cli', 'Kept4phones!x7Q'));
  await runCommand(folder, ['import', 'sip', sip, '--report', join(outside, 'sip.ndjson')]).catch(
    () => undefined,
  );
  clearInterval(watch);
  const rows = readFileSync(credentials, 'utf8').trim().split('\n');
  assert.equal(rows.length, 2);
  assert.equal(statSync(credentials).mode & 0o777, 0o600);
  for (const [n, { apikey, sipSecret }] of rows.map((row) => JSON.parse(row)).entries()) {
    keep(`key of imported account ${n}`, apikey);
    keep(`SIP secret of imported account ${n}`, sipSecret);
  }
  for (const name of ['report.ndjson', 'sip.ndjson']) {
    const text = readFileSync(join(outside, name));
    assert.ok(text.includes('"failed"') && text.includes('cli-1'), name);
    assert.deepEqual(found(text), [], name);
  }
  for (const name of ['report.failed.csv', 'sip.failed.csv']) {
    assert.ok(found(readFileSync(join(outside, name))).length > 0, 'failed rows are as they came');
    assert.equal(statSync(join(outside, name)).mode & 0o777, 0o600);
  }
  const { secret } = await runCommand<{ secret: string }>(folder, [
    ...['operator-key', 'create', 'moving'],
    ...['--scopes', 'imports:write,accounts:write,credentials:write'],
  ]);
  keep('operator key of an import', secret);
  const authorization = `Bearer ${secret}`;
  const base = `${server.url}/operator/v1`;
  for (const [kind, text] of [
    ['accounts', accounts('http', 'Plain password over HTTP')],
    ['sip', phones('http', 'Kept4desks!y8R')],
  ] as const) {
    const key = (name: string) => ({ authorization, 'idempotency-key': `${kind}-${name}` });
    const body = kind === 'accounts' ? { kind, passwords: 'take' } : { kind };
    const { id } = (await post(`${base}/imports`, body, key('create'))).body;
    const headers = { authorization, 'content-type': 'text/csv' };
    await fetch(`${base}/imports/${id}/parts/1`, { method: 'PUT', headers, body: text });
    await post(`${base}/imports/${id}/start`, {}, key('start'));
    await waitUntil(async () => {
      const read = await fetch(`${base}/imports/${id}`, { headers: { authorization } });
      return ((await read.json()) as { status: string }).status === 'finished';
    });
    const told = await fetch(`${base}/imports/${id}/report`, { headers: { authorization } });
    const bytes = Buffer.from(await told.text());
    assert.ok(bytes.includes('"failed"'));
    assert.deepEqual(found(bytes), [], 'the report over HTTP');
  }
  await runCommand(folder, ['export', 'all', '--to', join(folder, 'export')]);
}

function keep(name: string, secret: string): void {
  assert.ok(typeof secret === 'string' && secret.length >= 10, `no ${name}: ${secret}`);
  secrets.set(name, secret);
}

async function mailTo(address: string, count: number) {
  const mails = async () => {
    const files = readdirSync(join(folder, 'mail')).filter((name) => name.endsWith('.eml'));
    const read = files.map((name) => readFileSync(join(folder, 'mail', name)));
    const all = await Promise.all(read.map((bytes) => simpleParser(bytes)));
    return all.filter((mail) => JSON.stringify(mail.to).includes(address));
  };
  await waitUntil(async () => (await mails().catch(() => [])).length >= count);
  const page = count === 1 ? '/verify' : '/reset';
  return (await mails()).find((mail) => mail.text?.includes(page));
}

function tokenOf(mail: Awaited<ReturnType<typeof mailTo>>, page: 'verify' | 'reset'): string {
  return new URL(linkIn(mail, page)).searchParams.get('token') ?? '';
}

/** Names of the secrets in some bytes: as text, in hexadecimal or in base64. */
function found(bytes: Buffer): string[] {
  const forms = (secret: string) => [
    secret,
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ...(/^[0-9a-f]{32,}$/.test(secret) ? [Buffer.from(secret, 'hex')] : []),
  ];
  return [...secrets]
    .filter(([, secret]) => forms(secret).some((form) => bytes.includes(form)))
    .map(([name]) => name);
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const file = join(path, entry.name);
    if (entry.isDirectory()) return filesBelow(file);
    return entry.isFile() ? [file] : [];
  });
}

test('every table, as a dump would write it, holds no secret', async () => {
  const client = new pg.Client(embeddedConnection(folder));
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    assert.ok(tables.length > 20);
    const leaks: string[] = [];
    let named = 0;
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      const bytes = Buffer.from(rows.map(({ row }) => row).join('\n'));
      const names = found(bytes);
      if (bytes.includes(NO_SECRET)) named++;
      leaks.push(...names.map((secret) => `${secret} in ${name}`));
    }
    assert.deepEqual(leaks, []);
    assert.ok(named > 0, 'what is no secret is found by the same search');
  } finally {
    await client.end();
  }
});

test('no file of the data folder holds a secret but those that are meant to', async () => {
  const client = new pg.Client(embeddedConnection(folder));
  await client.connect();
  await client.query('CHECKPOINT');
  await client.end();
  const leaks: string[] = [];
  let named = 0;
  for (const file of filesBelow(folder)) {
    const name = relative(folder, file);
    if (MAY_HOLD_SECRETS.test(name)) continue;
    const bytes = bytesOf(file);
    if (bytes.includes(NO_SECRET)) named++;
    leaks.push(...found(bytes).map((secret) => `${secret} in ${name}`));
  }
  assert.ok(named > 0, 'what is no secret is found by the same search');
  assert.deepEqual(leaks, []);
});

/** @returns nothing if PostgreSQL has removed the file meanwhile */
function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Secrets in command lines and environments, and how many were looked at. */
function leaksOfProcesses() {
  const leaks: string[] = [];
  let looked = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const what of ['cmdline', 'environ']) {
      try {
        const names = found(readFileSync(`/proc/${pid}/${what}`));
        looked++;
        leaks.push(...names.map((secret) => `${secret} in ${what} of ${pid}`));
      } catch {
        // The process has ended, or belongs to another user.
      }
    }
  }
  return { leaks, looked };
}

test('no process shows a secret in its command line or environment', {
  skip: process.platform !== 'linux' && 'there is no /proc; run this on Linux',
}, () => {
  const { leaks, looked } = leaksOfProcesses();
  assert.ok(looked > 4, `${looked} looked at`);
  assert.deepEqual([...leaks, ...shownByProcesses], []);
});

test('the log holds no secret but what the first start printed', () => {
  const [head = '', ...rest] = server.output().split(/(?=\{"level")/);
  assert.ok(head.includes(secrets.get('administrator’s key') ?? '-'));
  assert.ok(rest.length > 5, 'requests are logged');
  assert.deepEqual(found(Buffer.from(rest.join(''))), []);
});

test('keys sealed for two accounts do not open when they are swapped', async () => {
  const client = new pg.Client(embeddedConnection(folder));
  await client.connect();
  const sealed = () =>
    client.query(
      'UPDATE account a SET key_sealed = b.key_sealed FROM account b WHERE a.username <> b.username',
    );
  const admin = JSON.parse(readFileSync(join(folder, 'admin.json'), 'utf8'));
  const ask = () =>
    post(`${server.url}/v2.1/account/apikey/`, {
      username: admin.username,
      password: admin.password,
    });
  assert.equal((await ask()).body.apikey, admin.apikey);
  await client.query('BEGIN');
  await sealed();
  await client.query('COMMIT');
  const swapped = await ask();
  assert.deepEqual(swapped.body, { statusCode: '500', status: 'Error', message: 'Internal error' });
  await sealed();
  assert.equal((await ask()).body.apikey, admin.apikey);
  await client.end();
});
