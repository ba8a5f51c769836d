import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '../support/command.ts';

const ENV = { BRAND_NAME: 'Example Voice', PUBLIC_URL: 'https://account.example.com' };

test('mail preview prints one message or writes all of them, without a database', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-preview-'));
  try {
    const env = { ...ENV, DATABASE_URL: 'postgres://127.0.0.1:1/none' };
    const [text, html, written] = await Promise.all([
      runCommand(env, 'mail', 'preview', 'calls stopped'),
      runCommand(env, 'mail', 'preview', 'calls stopped', '--html'),
      runCommand(env, 'mail', 'preview', '--out', folder),
    ]);
    assert.match(
      text.stdout,
      /^\[calls stopped\] Calls of your Example Voice account have stopped\n/,
    );
    assert.match(html.stdout, /^<!doctype html>/);
    assert.deepEqual([written.status, written.stdout], [0, `Wrote 20 messages to ${folder}\n`]);
    const files = await readdir(folder);
    assert.equal(files.length, 60);
    assert.match(
      await readFile(join(folder, 'recovery.eml'), 'utf8'),
      /\r\nFrom: Example Voice <no-reply@account\.example\.com>\r\n/,
    );
    const wrong = await runCommand(env, 'mail', 'preview', 'hello');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /Allowed choices are verification, /);
  } finally {
    await rm(folder, { recursive: true });
  }
});
