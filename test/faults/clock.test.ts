import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { newDataFolder } from '../support/prepared-data.ts';
import { Promises } from '../support/promises.ts';
import { addGenericFeed, embeddedConnection, MAIN, startServer } from '../support/server.ts';
import { post, submit } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';
import { end } from './support/begin.ts';
import { report } from './support/scale.ts';

const SHIFTED_CLOCK = new URL('support/shifted-clock.ts', import.meta.url).href;
const HOUR_MS = 3_600_000;
const CHOSEN = 'correct horse battery staple';

test('the clock jumps 3 hours ahead and a day back', async (t) => {
  const dataDir = await newDataFolder('account-api-clock-');
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const clock = join(dataDir, 'clock');
  await writeFile(clock, '0');
  const server = await startServer(dataDir, {
    command: [process.execPath, '--import', SHIFTED_CLOCK, MAIN],
    env: { CLOCK_FILE: clock, RATE_LIMIT_PER_HOUR: '6' },
  });
  const { url } = server;
  const jump = async (ms: number) => {
    await writeFile(clock, String(ms));
    // The log shows the service's time.
    const now = () => Number([...server.output().matchAll(/"time":(\d+)/g)].at(-1)?.[1]);
    await waitUntil(async () => {
      await fetch(`${url}/healthz`);
      return Math.abs(now() - Date.now() - ms) < 60_000;
    });
  };
  const promises = new Promises(await addGenericFeed(dataDir));
  await promises.open(url, 2);
  const [customer, other] = promises.signups;
  const link = (email: string | undefined, page: string) => linkOf(dataDir, email ?? '', page);
  const limited = async () => {
    const answer = await post(`${url}/v2.1/account/info/`, { apikey: '0'.repeat(32) });
    return answer.status === 429 ? Number(answer.headers.get('retry-after')) : 0;
  };
  for (let n = 0; n < 6; n++) assert.equal(await limited(), 0);
  assert.ok((await limited()) > 0);
  const recover = (email: string | undefined) => post(`${url}/v2.1/account/recover/`, { email });
  assert.equal((await recover(customer?.email)).status, 200);
  const oldRecovery = await link(customer?.email, 'reset');
  assert.equal(await promises.deliver(url, 5), 200);

  await jump(3 * HOUR_MS);
  const waitS = await limited();
  assert.ok(waitS > 0 && waitS <= 3_600, `limited for ${waitS} s`);
  const expired = await submit(oldRecovery, { password: CHOSEN, repeated: CHOSEN });
  assert.notEqual(expired.status, 200);
  assert.match(expired.body, /expired/);
  const verification = await link(customer?.email, 'verify');
  assert.equal((await submit(verification)).status, 200);
  assert.equal(await promises.deliver(url, 5), 200);

  await jump(-24 * HOUR_MS);
  const waitBackS = await limited();
  assert.ok(waitBackS > 0 && waitBackS <= 3_600, `limited for ${waitBackS} s`);
  const again = await submit(verification);
  assert.notEqual(again.status, 200);
  assert.match(again.body, /used already/);
  assert.equal((await recover(other?.email)).status, 200);
  const recovery = await link(other?.email, 'reset');
  const answer = await submit(recovery, { password: CHOSEN, repeated: CHOSEN });
  assert.equal(answer.status, 200, answer.body);
  assert.notEqual((await submit(recovery, { password: CHOSEN, repeated: CHOSEN })).status, 200);
  assert.equal(await promises.deliver(url, 5), 200);

  await promises.assertKept(embeddedConnection(dataDir));
  await end(server);
  report(
    'the clock jumps 3 h ahead and a day back: limits hold and lock nobody out for longer, tokens expire and are used once',
    '1 process',
    'as promised; calls go on',
  );
});

/** The link of a mail to an address. */
async function linkOf(dataDir: string, email: string, page: string): Promise<string> {
  const folder = join(dataDir, 'mail');
  const pattern = new RegExp(`http\\S+/${page}\\?token=[\\w-]{43}`);
  let links: string[] = [];
  await waitUntil(async () => {
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml'));
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    links = texts
      .filter((text) => text.includes(email))
      .map((text) => text.replaceAll('=\r\n', '').replaceAll('=3D', '='))
      .flatMap((text) => pattern.exec(text)?.[0] ?? []);
    return links.length > 0;
  });
  return links[0] ?? '';
}
