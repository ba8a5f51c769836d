import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addCustomer } from './support/calls.ts';
import { startChild } from './support/child.ts';
import { SAMPLES } from './support/records.ts';
import { startService, type TestService } from './support/service.ts';

const SCRIPT = fileURLToPath(new URL('../deploy/asterisk/send-cdr.sh', import.meta.url));

let api: TestService;
before(async () => {
  api = await startService();
});
after(() => api.stop());

test('what Asterisk writes is delivered, and kept until the service has it', async () => {
  const account = await addCustomer(api, { cash: '5' });
  const authorization = await api.feed('asterisk');
  const feed = Buffer.from(authorization.slice(6), 'base64').toString();
  const send = async (service: string) => {
    const env = { PATH: process.env.PATH, FEED: feed, SERVICE: service, CDR_DIR: api.folder };
    const child = startChild(['sh', SCRIPT], { env });
    return child.ended;
  };
  const filesOf = async (folder: string) => (await readdir(join(api.folder, folder))).length;
  const start = Math.floor(Date.now() / 1_000) - 600;
  await writeFile(
    join(api.folder, 'Master.csv'),
    `${SAMPLES.asterisk({ account, number: 1, start })}\n`,
  );
  assert.equal(await send(api.url), 0);
  assert.deepEqual([await filesOf('sending'), await filesOf('sent')], [1, 0]);
  assert.notEqual(await send('http://127.0.0.1:1'), 0);
  assert.deepEqual([await filesOf('sending'), await filesOf('sent')], [1, 0]);
  assert.equal(await send(api.url), 0);
  assert.deepEqual([await filesOf('sending'), await filesOf('sent')], [0, 1]);
  const calls = await api.service.db.query('SELECT 1 FROM call WHERE account = $1', [account]);
  assert.equal(calls.length, 1);
  assert.equal(await send(api.url), 0);
});
