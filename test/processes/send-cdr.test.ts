import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addCustomer } from '../support/calls.ts';
import { startChild } from '../support/child.ts';
import { sharedService } from '../support/service.ts';

const SCRIPT = fileURLToPath(new URL('../../deploy/asterisk/send-cdr.sh', import.meta.url));

let feed: string;
const api = sharedService({ INGEST_UNPACKED_LIMIT: '1024' }, async () => {
  feed = Buffer.from((await api.feed('generic')).slice(6), 'base64').toString();
});

async function sendOnce(service: string): Promise<number | NodeJS.Signals> {
  const env = { FEED: feed, SERVICE: service, CDR_DIR: api.folder, ONCE: '1' };
  return startChild(['sh', SCRIPT], { env: { PATH: process.env.PATH, ...env } }).ended;
}

/** The numbers of waiting files, sent files, and files with a record that is too large. */
const files = () =>
  Promise.all(
    ['sending', 'sent', 'too-large'].map(
      async (folder) => (await readdir(join(api.folder, folder))).length,
    ),
  );

const written = (text: string) => writeFile(join(api.folder, 'account-api.csv'), text);

/** A row as Asterisk writes it with cdr_custom.conf. */
const row = (account: number, id: string) => {
  const start = `${Math.floor(Date.now() / 1_000) - 600}.123456`;
  return `"${id}","${account}",${start},3.5,"2125550100","2125550123","Al ""x""","192.0.2.1","${id}-2125550123","ANSWERED"\n`;
};

const callsOf = (account: number) =>
  api.service.db.query('SELECT FROM call WHERE account = $1', [account]);

test('what Asterisk writes is delivered, and kept until the service has it', async () => {
  const account = await addCustomer(api, { cash: '5' });
  await written(row(account, '1700000000.1-0'));
  assert.equal(await sendOnce(api.url), 0);
  assert.deepEqual(await files(), [1, 0, 0]);
  assert.equal(await sendOnce('http://127.0.0.1:1'), 1);
  assert.deepEqual(await files(), [1, 0, 0]);
  assert.equal(await sendOnce(api.url), 0);
  assert.deepEqual(await files(), [0, 1, 0]);
  assert.equal((await callsOf(account)).length, 1);
  assert.equal(await sendOnce(api.url), 0);
});

test('a file that is too large is split, and a record that is does not keep the others', async () => {
  const account = await addCustomer(api, { cash: '5' });
  const rows = Array.from({ length: 15 }, (_, n) => row(account, `1700000001.${n}-0`));
  rows.splice(7, 0, row(account, 'x'.repeat(2_000)));
  await written(rows.join(''));
  await sendOnce(api.url);
  for (let round = 0; round < 6; round++) await sendOnce(api.url);
  const [waiting, , tooLarge] = await files();
  assert.deepEqual([waiting, tooLarge], [0, 1]);
  assert.equal((await callsOf(account)).length, 15);
});
