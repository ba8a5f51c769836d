import assert from 'node:assert/strict';
import { createHash, pbkdf2Sync, scryptSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { runCommand } from '../support/command.ts';
import { hashInEarnest } from '../support/quick-hashes.ts';
import { sharedService } from '../support/service.ts';

const PASSWORD = 'Grüße aus Köln 7';
const digest = (name: string, text: string) => createHash(name).update(text).digest('hex');
const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');

interface Taken {
  name: string;
  password?: string;
  passwordHash?: string;
  passwordSalt?: string;
  passwordScheme?: string;
  /** how it is stored until it is used */
  stored: RegExp;
}

hashInEarnest();

let taken: (Taken & { externalId: string; username: number })[];

const api = sharedService({}, async () => {
  const salt = Buffer.from('a salt of 16 byt');
  const scrypted = scryptSync(PASSWORD, salt, 32, { N: 2 ** 12, r: 8, p: 1 });
  const derived = pbkdf2Sync(PASSWORD, salt, 1_000, 32, 'sha256');
  const cases: Taken[] = [
    { name: 'plain', password: PASSWORD, stored: /^\$argon2id\$/ },
    {
      name: 'bcrypt',
      passwordHash: (await bcrypt(PASSWORD, 6)).replace('$2b', '$2y'),
      stored: /^\$imported\$bcrypt\$2y\$06\$/,
    },
    {
      name: 'md5',
      passwordHash: digest('md5', PASSWORD),
      stored: /^\$imported\$md5-salt-first:\$argon2id\$/,
    },
    {
      name: 'md5 of FusionPBX',
      passwordSalt: 'pepper',
      passwordHash: digest('md5', `pepper${PASSWORD}`),
      stored: /^\$imported\$md5-salt-first:cGVwcGVy\$argon2id\$/,
    },
    {
      name: 'sha1',
      passwordHash: digest('sha1', PASSWORD).toUpperCase(),
      stored: /^\$imported\$sha1-salt-first:\$argon2id\$/,
    },
    {
      name: 'sha256 with salt behind',
      passwordScheme: 'sha256-salt-last',
      passwordSalt: 'x',
      passwordHash: digest('sha256', `${PASSWORD}x`),
      stored: /^\$imported\$sha256-salt-last:eA\$argon2id\$/,
    },
    {
      name: 'sha512',
      passwordHash: digest('sha512', PASSWORD),
      stored: /^\$imported\$sha512-salt-first:\$argon2id\$/,
    },
    {
      name: 'pbkdf2 of Django',
      passwordHash: `pbkdf2_sha256$1000$${salt}$${derived.toString('base64')}`,
      stored: /^\$imported\$pbkdf2\$pbkdf2_sha256\$1000\$/,
    },
    {
      name: 'pbkdf2 of passlib',
      passwordHash: `$pbkdf2-sha256$1000$${base64(salt).replaceAll('+', '.')}$${base64(derived).replaceAll('+', '.')}`,
      stored: /^\$imported\$pbkdf2\$pbkdf2-sha256\$1000\$/,
    },
    {
      name: 'scrypt',
      passwordHash: `$scrypt$ln=12,r=8,p=1$${base64(salt)}$${base64(scrypted)}`,
      stored: /^\$imported\$scrypt\$scrypt\$ln=12/,
    },
    {
      name: 'argon2id',
      passwordHash: await argon2(PASSWORD, { memoryCost: 8_192, timeCost: 1, parallelism: 1 }),
      stored: /^\$imported\$argon2\$argon2id\$v=19\$m=8192/,
    },
  ];
  const rows = cases.map(({ stored: _, name, ...passwords }, n) => ({
    externalId: `p-${n}`,
    name,
    email: `p${n}@example.com`,
    ...passwords,
  }));
  const bad = [
    { externalId: 'bad', name: 'Bad', email: 'bad@example.com', passwordHash: '$1$abc$def' },
    {
      externalId: 'dear',
      name: 'Dear',
      email: 'dear@example.com',
      passwordHash: `$2y$31$${'a'.repeat(53)}`,
    },
  ];
  const path = join(api.folder, 'passwords.ndjson');
  writeFileSync(path, [...rows, ...bad].map((row) => JSON.stringify(row)).join('\n'));
  const args = ['import', 'accounts', path, '--passwords', 'take', '--json'];
  const done = await runCommand(api.env, ...args);
  assert.equal(done.status, 0, done.stdout + done.stderr);
  const { created, remarks } = JSON.parse(done.stdout);
  assert.equal(created, cases.length + 2);
  assert.deepEqual(remarks, [
    '2 created: passwordHash: this form cannot be verified here: the owner chooses a password',
  ]);
  const found = await api.service.db.query<{ externalId: string; username: number }>(
    'SELECT external_id AS "externalId", username FROM account WHERE external_id IS NOT NULL',
  );
  const usernames = new Map(found.map(({ externalId, username }) => [externalId, username]));
  taken = cases.map((one, n) => ({
    ...one,
    externalId: `p-${n}`,
    username: usernames.get(`p-${n}`) ?? 0,
  }));
});

const stored = async (username: number) => {
  const [row] = await api.service.db.query<{ hash: string; version: number; unset: boolean }>(
    `SELECT password_hash AS hash, key_version AS version, password_unset AS unset FROM account
     WHERE username = $1`,
    [username],
  );
  return row ?? { hash: '', version: 0, unset: true };
};
const signIn = (username: number, password: string) => api.call('apikey', { username, password });

test('each kind of hash lets the owner in once, and is then the own one', async () => {
  for (const { name, username, stored: form } of taken) {
    const first = await stored(username);
    assert.match(first.hash, form, name);
    assert.equal(first.unset, false, name);
    assert.equal((await signIn(username, `${PASSWORD}!`)).status, 401, name);
    assert.deepEqual(await stored(username), first, `${name}: a wrong password changes nothing`);
    const good = await signIn(username, PASSWORD);
    assert.equal(good.status, 200, name);
    const after = await stored(username);
    assert.match(after.hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/, name);
    assert.equal(after.version, first.version, `${name}: the key stays`);
    assert.equal((await signIn(username, PASSWORD)).body.apikey, good.body.apikey, name);
    assert.deepEqual(await stored(username), after, `${name}: a second sign-in does not touch it`);
    assert.equal((await signIn(username, `${PASSWORD}!`)).status, 401, name);
  }
});

test('a password or a digest of the other system is in no table', async () => {
  const secrets = [
    PASSWORD,
    ...['md5', 'sha1', 'sha256', 'sha512'].map((name) => digest(name, PASSWORD)),
  ];
  const tables = await api.service.db.query<{ name: string }>(
    `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
     WHERE schemaname IN ('public', 'pgboss')`,
  );
  for (const { name } of tables) {
    const [found] = await api.service.db.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${name} AS t WHERE strpos(lower(t::text), lower($1)) > 0
         OR strpos(t::text, $2) > 0 OR strpos(t::text, $3) > 0 OR strpos(t::text, $4) > 0
         OR strpos(t::text, $5) > 0`,
      secrets,
    );
    assert.equal(found?.count, 0, name);
  }
});

test('two sign-ins at once replace a hash once; unknown names take as long as imported ones', async () => {
  const { db } = api.service;
  const slow = await bcrypt(PASSWORD, 10);
  const path = join(api.folder, 'slow.csv');
  writeFileSync(path, `externalId,name,email,passwordHash\nslow,Slow,slow@example.com,${slow}\n`);
  const done = await runCommand(api.env, 'import', 'accounts', path, '--passwords', 'take');
  assert.equal(done.status, 0, done.stderr);
  const legacy = await runCommand(api.env, 'import', 'legacy', '--json');
  assert.deepEqual(JSON.parse(legacy.stdout), { bcrypt: 1 });
  const [account] = await db.query<{ username: number }>(
    "SELECT username FROM account WHERE external_id = 'slow'",
  );
  const username = account?.username ?? 0;
  const [floor] = await db.query<{ ms: number }>('SELECT ms FROM sign_in_floor');
  assert.ok(floor && floor.ms > 30, `${floor?.ms} ms`);
  const timeOf = async (name: number) => {
    const began = performance.now();
    assert.equal((await signIn(name, 'wrong')).status, 401);
    return performance.now() - began;
  };
  for (const name of [9_999_999_999, username, taken[0]?.username ?? 0]) {
    assert.ok((await timeOf(name)) >= floor.ms, `${name} waits for the slowest hash`);
  }
  const both = await Promise.all([signIn(username, PASSWORD), signIn(username, PASSWORD)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  );
  assert.match((await stored(username)).hash, /^\$argon2id\$/);
  const gone = await runCommand(api.env, 'import', 'legacy', '--json');
  assert.deepEqual(JSON.parse(gone.stdout), {});
});
