import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { commandJson, PROGRAM, runCommand } from '../support/command.ts';
import { sharedService } from '../support/service.ts';

const run = promisify(execFile);
const GUIDE = readFileSync(new URL('../../docs/moving-in.md', import.meta.url), 'utf8');

const api = sharedService();

test('the guide of the move does what it says, line by line', async () => {
  const bin = join(api.folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec "${PROGRAM}" "$@"\n`);
  chmodSync(join(bin, 'npx'), 0o755);
  const blocks = [...GUIDE.matchAll(/^ *```bash\n([\s\S]*?)^ *```$/gm)].map(
    ([, text = '']) => text,
  );
  assert.equal(blocks.length, 6);
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', blocks.join('\n')], {
    cwd: api.folder,
    env: { ...api.env, PATH: `${bin}:${process.env.PATH}` },
  });
  assert.match(stdout, /^SELECT a\.\*.* FROM accounts a/m);
  assert.match(stdout, /^Would be: 2 created, 0 updated, 0 unchanged, 0 skipped, 0 failed$/m);
  assert.match(stdout, /^postpaid negative +1 +-12\.500000$/m);
  assert.match(stdout, /^prepaid positive +1 +25\.500000$/m);
  assert.match(stdout, /^The books balance\.$/m);
  assert.match(stdout, /^2 mails on the way\.$/m);
  const { db } = api.service;
  const rows = await db.query<object>(
    `SELECT a.external_id AS id, b.cash::text, s.sip_user AS sip, n.number, a.next_charge::text AS charge
     FROM account a JOIN balance b ON b.account = a.username JOIN sip_secret s ON s.account = a.username
       LEFT JOIN number n ON n.account = a.username ORDER BY 1`,
  );
  assert.deepEqual(rows, [
    {
      id: 'astpp:1',
      cash: '25.500000',
      sip: 'office-7',
      number: '8005550130',
      charge: '2040-02-01',
    },
    { id: 'astpp:2', cash: '-12.500000', sip: '4000000002', number: null, charge: null },
  ]);
  const manifest = JSON.parse(readFileSync(join(api.folder, 'export-1/manifest.json'), 'utf8'));
  assert.deepEqual([manifest.cash, manifest.files.accounts.rows], ['13.000000', 0]);
});

test('an import of a file that cannot be read is not begun', async () => {
  const missing = join(api.folder, 'missing.csv');
  for (const [path, problem] of [
    [missing, 'there is no such file or folder'],
    [api.folder, 'is a folder, not a file'],
  ] as const) {
    const { status, stderr } = await runCommand(api.env, 'import', 'accounts', path);
    const said = problem.startsWith('is') ? `${path} ${problem}` : `${path}: ${problem}`;
    assert.deepEqual([status, stderr], [1, `account-api: ${said}\n`]);
  }
  const runs = await api.service.db.query('SELECT FROM import_run WHERE file = $1', [missing]);
  assert.deepEqual(runs, []);
});

test('an import whose report or credentials cannot be written is not begun', async () => {
  const path = join(api.folder, 'old.csv');
  writeFileSync(path, 'externalId,name,email\nold-1,Old,old@example.com\n');
  const nowhere = join(api.folder, 'nowhere/file');
  for (const option of ['--report', '--credentials']) {
    const result = await runCommand(api.env, 'import', 'accounts', path, option, nowhere);
    const stderr = `account-api: ${nowhere}: there is no such file or folder\n`;
    assert.deepEqual(result, { status: 1, stdout: '', stderr });
  }
  const runs = await api.service.db.query('SELECT FROM import_run WHERE file = $1', [path]);
  assert.deepEqual(runs, []);
});

test('owners are invited by imports of accounts, not by a dry run', async () => {
  const path = join(api.folder, 'owners.csv');
  writeFileSync(path, 'externalId,name,email\nown-1,Owner,owner@example.com\n');
  const { id } = await commandJson(api.env, 'import', 'accounts', path, '--dry-run');
  const { stderr } = await runCommand(api.env, 'import', 'invite', id);
  assert.equal(
    stderr,
    `account-api: ${id} is a dry run; leave the id out for all imports of accounts\n`,
  );
  await commandJson(api.env, 'import', 'accounts', path);
  assert.deepEqual(await commandJson(api.env, 'import', 'invite'), { invited: 1 });
  assert.deepEqual(await commandJson(api.env, 'import', 'invite'), { invited: 0 });
});

test('an export that cannot be written, or goes on after no export, says so in a line', async () => {
  const folder = join(api.folder, 'export-of-folders');
  const inside = join(folder, 'accounts.ndjson');
  mkdirSync(inside, { recursive: true });
  const unwritten = await runCommand(api.env, 'export', 'all', '--to', folder);
  assert.deepEqual(unwritten, {
    status: 1,
    stdout: '',
    stderr: `account-api: ${inside}: it is a folder, not a file\n`,
  });
  const notes = join(api.folder, 'notes.txt');
  writeFileSync(notes, 'no JSON');
  const lost = await runCommand(api.env, 'export', 'all', '--to', `${folder}-2`, '--since', notes);
  assert.deepEqual(lost, {
    status: 1,
    stdout: '',
    stderr: `account-api: ${notes} is no manifest.json of an earlier export\n`,
  });
});
