import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Database } from '../../src/db/database.ts';
import { postEntry } from '../../src/domain/books/ledger.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { newDataFolder } from '../support/prepared-data.ts';
import {
  embeddedConnection,
  MAIN,
  runCommand,
  type Server,
  startServer,
} from '../support/server.ts';
import { type Answer, post } from '../support/service.ts';
import { Visitor } from '../support/visitor.ts';
import { waitUntil } from '../support/wait.ts';
import { report } from './support/scale.ts';

const AT_ONCE = 100;

let dataDir: string;
let server: Server;
let db: Database;

// Two workers: a property that holds by chance in one process fails here.
before(async () => {
  dataDir = await newDataFolder('account-api-races-');
  server = await startServer(dataDir, { command: [process.execPath, MAIN, '--workers', '2'] });
  db = new Database({ connection: embeddedConnection(dataDir), poolSize: 10 });
});
after(async () => {
  await db.close();
  server.kill('SIGTERM');
  await server.ended;
  await rm(dataDir, { recursive: true, force: true });
});

const call = (operation: string, body: object, key?: string): Promise<Answer> =>
  post(
    `${server.url}/v2.1/account/${operation}/`,
    body,
    key ? { authorization: `Bearer ${key}` } : {},
  );

const atOnce = <T>(work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, n) => work(n)));

/** Counts the answers by status; a 503 asks to try again later, so it is left out. */
function statuses(answers: { status: number }[]): Record<number, number> {
  const counted: Record<number, number> = {};
  for (const { status } of answers) counted[status] = (counted[status] ?? 0) + 1;
  delete counted[503];
  return counted;
}

const newEmail = () => `user-${randomBytes(6).toString('hex')}@example.com`;

async function signUp(email = newEmail(), promo?: string) {
  const answer = await call('signup', { name: 'Example Company', email, promo });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body.account as { username: number; password: string };
}

async function mailTo(email: string): Promise<string> {
  const folder = join(dataDir, 'mail');
  let found: string | undefined;
  await waitUntil(async () => {
    for (const name of await readdir(folder).catch(() => [])) {
      const text = await readFile(join(folder, name), 'utf8');
      if (text.includes(email)) found = text.replaceAll('=\r\n', '').replaceAll('=3D', '=');
    }
    return found !== undefined;
  });
  return found ?? '';
}

test('one e-mail address signs up', async () => {
  const email = newEmail();
  const answers = await atOnce(() => call('signup', { name: 'Example Company', email }));
  const seen = statuses(answers);
  assert.deepEqual({ ...seen, 409: 0 }, { 200: 1, 409: 0 });
  report('the same e-mail address signing up', `${AT_ONCE} at once`, '1 account');
});

test('one username is added', async () => {
  const { apikey } = JSON.parse(await readFile(join(dataDir, 'admin.json'), 'utf8'));
  const answers = await atOnce((n) => {
    const email = `sub-${n}@example.com`;
    return call('add', { name: 'Branch', username: 4_592_086_960, email }, apikey);
  });
  assert.deepEqual({ ...statuses(answers), 409: 0 }, { 200: 1, 409: 0 });
  report('the same username added', `${AT_ONCE} at once`, '1 account');
});

test('one token is redeemed, and its promotion credited once', async () => {
  const args = ['promo', 'create', 'WELCOME', '--amount', '5'];
  await runCommand(dataDir, args);
  const email = newEmail();
  const { username } = await signUp(email, 'WELCOME');
  const token = /verify\?token=([\w-]{43})/.exec(await mailTo(email))?.[1] ?? '';
  const visitor = new Visitor(server.url);
  const { body } = await visitor.open(`${server.url}/verify?token=${token}`);
  const hidden = Object.fromEntries(
    [...body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  );
  const answers = await atOnce(() => visitor.post('/verify', { ...hidden, token }));
  assert.equal(statuses(answers)[200], 1);
  const [row] = await db.query<{ cash: string }>(
    'SELECT cash::text FROM balance WHERE account = $1',
    [username],
  );
  assert.equal(row?.cash, '5.000000');
  report('one token redeemed', `${AT_ONCE} at once`, '1 verification, its promotion credited once');
});

test('the last use of a promotion is taken', async () => {
  await runCommand(dataDir, ['promo', 'create', 'LAST', '--amount', '5', '--uses', '1']);
  const answers = await atOnce(() =>
    call('signup', { name: 'Example Company', email: newEmail(), promo: 'LAST' }),
  );
  assert.deepEqual({ ...statuses(answers), 400: 0 }, { 200: 1, 400: 0 });
  report("one promotion's last use", `${AT_ONCE} at once`, '1 account has it');
});

test('the first calls of apikey get one key', async () => {
  const signIn = await signUp();
  const answers = (await atOnce(() => call('apikey', signIn))).filter(
    ({ status }) => status !== 503,
  );
  assert.ok(answers.length > 10);
  assert.equal(new Set(answers.map(({ body }) => body.apikey)).size, 1);
  report('the first apikey calls of an account', `${AT_ONCE} at once`, '1 key');
});

test('credits and debits of one account all count', async () => {
  const { username: account } = await signUp();
  const entry = { account, reason: 'Race', actor: 'test', at: new Date() };
  await atOnce(async (n) => {
    await postEntry(db, { ...entry, kind: 'payment', amount: '2.000001' });
    await postEntry(db, { ...entry, kind: 'adjustment', amount: '-1' });
    // Several requests use the same reference: it counts once.
    const reference = `shared ${n % 10}`;
    await postEntry(db, { ...entry, kind: 'payment', amount: '10', reference });
  });
  const [row] = await db.query<{ cash: string }>(
    'SELECT cash::text FROM balance WHERE account = $1',
    [account],
  );
  assert.equal(row?.cash, '200.000100');
  assert.deepEqual((await reconcile(db)).imbalances, []);
  report('credits and debits of one account', `${AT_ONCE} each at once`, 'the sum is exact');
});
