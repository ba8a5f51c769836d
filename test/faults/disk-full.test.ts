import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newDataFolder } from '../support/prepared-data.ts';
import { Promises } from '../support/promises.ts';
import { addGenericFeed, embeddedConnection, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';
import { end } from './support/begin.ts';
import { Load } from './support/load.ts';
import { report, times } from './support/scale.ts';

const SIZE_MIB = 200;
const BLOCK = Buffer.alloc(1024 * 1024);

test('the disk is full', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('NOT RUN: mounting a small tmpfs needs root; run: sudo npm run test:faults');
    return;
  }
  const disk = await mountSmallDisk(t);
  const dataDir = await newDataFolder('data-', disk);
  const server = await startServer(dataDir);
  const { url } = server;
  const promises = new Promises(await addGenericFeed(dataDir));
  await promises.open(url, 3);
  const { username, password } = promises.signups[0] ?? {};
  const { apikey } = (await post(`${url}/v2.1/account/apikey/`, { username, password })).body;
  const headers = { authorization: `Bearer ${apikey}` };
  const info = async () => (await post(`${url}/v2.1/account/info/`, undefined, headers)).status;
  const rounds = times(2, 10);
  let reads = 0;
  let unavailable = 0;
  for (let round = 0; round < rounds; round++) {
    const load = new Load(promises, () => url);
    await sleep(500);
    const filler = fill(disk);
    await waitUntil(() => (load.statuses.get(503) ?? 0) > 0, 60_000);
    for (let n = 0; n < 20; n++) {
      const status = await info();
      assert.ok(status === 200 || status === 503, String(status));
      if (status === 200) reads++;
      else unavailable++;
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      await sleep(50);
    }
    rmSync(filler);
    const before = promises.acknowledged.size;
    await waitUntil(
      async () => promises.acknowledged.size > before && (await info()) === 200,
      60_000,
    );
    await load.stop();
    assert.deepEqual(
      [...load.statuses.keys()].filter((status) => ![200, 503].includes(status)),
      [],
    );
    await promises.assertKept(embeddedConnection(dataDir));
  }
  await promises.assertMailed(dataDir, 120_000);
  await end(server);
  report(
    'the disk full: nothing acknowledged that is not kept, answers 200 or 503, recovers by itself when there is room',
    `${rounds} times`,
    `${promises.acknowledged.size} calls kept; while it was full ${reads} reads served, ${unavailable} put off`,
  );
});

async function mountSmallDisk(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m,mode=0711`, 'tmpfs', folder]);
  t.after(async () => {
    execFileSync('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Fills the disk. @returns the file that fills it */
function fill(disk: string): string {
  const path = join(disk, 'filler');
  const file = openSync(path, 'w');
  try {
    for (let block = BLOCK; ; ) {
      try {
        writeSync(file, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        if (block.length === 1) return path;
        block = block.subarray(0, Math.max(1, Math.floor(block.length / 16)));
      }
    }
  } finally {
    closeSync(file);
  }
}
