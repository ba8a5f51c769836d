import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SEALED_COLUMNS } from '../../src/cli/keys.ts';
import { openKeyring } from '../../src/domain/sealing/keyring.ts';
import { countOldSeals } from '../../src/domain/sealing/re-seal.ts';
import {
  createEndpoint,
  rotateWebhookSecret,
  secretsOf,
} from '../../src/domain/webhook/endpoint.ts';
import { readKeyFile } from '../../src/secret-key.ts';
import { runCommand } from '../support/command.ts';
import { linkIn, post, sharedService, submit, TESTER } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';

const api = sharedService();

test('every column of sealed secrets is among those that a rotation seals anew', async () => {
  const columns = await api.service.db.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type = 'bytea' AND column_name LIKE '%sealed%'`,
  );
  // These secrets last five minutes, so a rotation can ignore them.
  const lasting = columns.map(({ name }) => name).filter((name) => name !== 'kept_for_page.sealed');
  assert.deepEqual(
    lasting.sort(),
    SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
  );
});

test('a rotation under load: keys stay, new ones work, the old file opens nothing', async () => {
  const { db } = api.service;
  const { SECRET_KEY_FILE: keyFile = '' } = api.env;
  const accounts: Awaited<ReturnType<typeof api.signUp>>[] = [];
  while (accounts.length < 20) accounts.push(await api.signUp());
  const unverified = accounts.at(-1)?.email ?? '';

  const signUpOnce = () =>
    post(
      `${api.url}/v2.2/accounts`,
      { name: 'Once', email: 'once@example.com' },
      { 'idempotency-key': 'once' },
    );
  const once = await signUpOnce();
  assert.equal(once.status, 201);

  const settings = { url: 'https://crm.example.com/', types: ['*'], accounts: [], description: '' };
  const { keyring } = api.service;
  const wanted = { ...settings, enabled: false };
  const webhook = await createEndpoint(db, TESTER, { keyring, now: new Date() }, wanted);
  const { id } = webhook.endpoint;
  const rotation = { id, overlapHours: 24 };
  const renewed = await rotateWebhookSecret(db, TESTER, { keyring, now: new Date() }, rotation);

  let rotating = true;
  const failures: unknown[] = [];
  const load = async () => {
    for (let n = 0; rotating; n++) {
      const { username, password, apikey } = accounts[n % 20] as (typeof accounts)[number];
      const { body } = await api.call('apikey', { username, password });
      if (body.apikey !== apikey) failures.push(body);
      const fresh = await api.signUp();
      if (!/^[0-9a-f]{32}$/.test(fresh.apikey)) failures.push(fresh);
    }
  };
  const loads = [load(), load()];
  const newFile = join(api.folder, 'new.key');
  await writeFile(newFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const rotate = ['keys', 'rotate-sealing', '--new-key-file', newFile];
  const first = await sharedJson(api.env, ...rotate);
  rotating = false;
  await Promise.all(loads);
  assert.deepEqual(failures, []);
  assert.deepEqual(first, {
    fingerprint: first.fingerprint,
    sealed: first.sealed,
    damaged: [],
    oldKeyFile: null,
  });
  assert.ok(first.sealed >= 40, `${first.sealed} API keys and SIP secrets`);
  const old = await Promise.all(SEALED_COLUMNS.map((column) => countOldSeals(db, column)));
  assert.deepEqual(
    old,
    SEALED_COLUMNS.map(() => 0),
  );
  assert.equal((await sharedJson(api.env, ...rotate)).sealed, 0);

  // A mail queued earlier carries a token that the older key sealed.
  assert.equal((await submit(linkIn((await api.mails(unverified))[0], 'verify'))).status, 200);

  await rename(keyFile, `${keyFile}.old`);
  await rename(newFile, keyFile);
  const { inUse, others, sealVersion } = await sharedJson(api.env, 'keys', 'show');
  assert.deepEqual([inUse, others.length, sealVersion], [first.fingerprint, 1, 2]);
  assert.deepEqual(await sharedJson(api.env, 'keys', 'forget-old'), { forgotten: others });
  for (const { username, password, apikey } of [...accounts, await api.signUp()]) {
    assert.equal((await api.call('apikey', { username, password })).body.apikey, apikey);
  }
  const secrets = await secretsOf(db, keyring, id, new Date());
  assert.deepEqual(secrets, [renewed.secret, webhook.secret]);
  const again = await signUpOnce();
  assert.deepEqual([again.body, again.headers.get('idempotent-replayed')], [once.body, 'true']);
  await openKeyring(db, () => readKeyFile(keyFile));
  await assert.rejects(
    openKeyring(db, () => readKeyFile(`${keyFile}.old`)),
    { message: new RegExp(`its fingerprint is ${others[0]}, needed is ${inUse}`) },
  );
  assert.ok(
    !JSON.stringify(await sharedJson(api.env, 'audit')).includes(
      (await readFile(keyFile, 'utf8')).trim(),
    ),
  );
});

test('a secret that was tampered with is left, told and does not stop a rotation', async () => {
  const [one, other] = [await api.signUp(), await api.signUp()];
  await api.service.db.query(
    `UPDATE account a SET key_sealed = o.key_sealed FROM account o
     WHERE a.username = $1 AND o.username = $2`,
    [one.username, other.username],
  );
  assert.equal((await api.call('apikey', one)).status, 500);
  const newFile = join(api.folder, 'newer.key');
  await writeFile(newFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const args = ['keys', 'rotate-sealing', '--new-key-file', newFile];
  const { status, stdout } = await runCommand(api.env, ...args, '--json');
  assert.deepEqual([status, JSON.parse(stdout).damaged], [1, [`account ${one.username}`]]);
  assert.equal((await api.call('apikey', other)).body.apikey, other.apikey);
});

test('wrong ways to rotate are refused in one line', async () => {
  const rotate = ['keys', 'rotate-sealing'];
  const file = api.env.SECRET_KEY_FILE ?? '';
  const none = await runCommand(api.env, ...rotate);
  const same = await runCommand(api.env, ...rotate, '--new-key-file', file);
  const missing = await runCommand(api.env, ...rotate, '--new-key-file', join(api.folder, 'none'));
  assert.match(none.stderr, /^account-api: SECRET_KEY_FILE is yours to replace: .*\n$/);
  assert.match(same.stderr, /^account-api: \S+ holds the key in use\n$/);
  assert.match(missing.stderr, /^account-api: the secret key file \S+ cannot be read.*\n$/);
  assert.deepEqual([none.status, same.status, missing.status], [1, 1, 1]);
});
