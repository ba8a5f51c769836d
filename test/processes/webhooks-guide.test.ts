import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EVENT_TYPES, recordEvent } from '../../src/domain/event.ts';
import { freePort } from '../support/free-port.ts';
import { operatorClient } from '../support/operator.ts';
import { post, startService, type TestService } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const GUIDE = readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'account-api-receiver-'));
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');

let api: TestService;
before(async () => {
  api = await startService({ WEBHOOK_ALLOW: '127.0.0.1' });
});
after(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;
const RECEIVERS = [
  { language: 'ts', file: 'receiver.ts', program: process.execPath },
  ...(HAS_PYTHON ? [{ language: 'python', file: 'receiver.py', program: 'python3' }] : []),
];

for (const { language, file, program } of RECEIVERS) {
  test(`the receiver in ${language} accepts what is signed and nothing else`, async () => {
    const all = await operatorClient(api);
    const [, code = ''] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(GUIDE) ?? [];
    writeFileSync(join(folder, file), code);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/events`;
    const wanted = { url, types: ['feed.added'] };
    const { body: endpoint } = await all.call('POST', '/webhook-endpoints', wanted);
    const env = { PATH: process.env.PATH, PORT: String(port), WEBHOOK_SECRET: endpoint.secret };
    const child = spawn(program, [join(folder, file)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = linesOf(child);
    const path = `/webhook-endpoints/${endpoint.id}`;
    try {
      await waitUntil(async () => (await all.call('POST', `${path}/test`)).body.status === 204);
      await recordEvent(api.service.db, { type: 'feed.added', data: { name: 'x' } }, new Date());
      await waitUntil(() => lines().length === 2);
      const { body } = await all.call('GET', '/events?type=feed.added');
      const { sequence } = body.data.at(-1);
      assert.match(lines()[0] ?? '', /^(null|None) webhook\.test$/);
      assert.equal(lines()[1], `${sequence} feed.added`);
      await all.call('POST', `${path}/deliveries/${sequence}/retry`);
      await waitUntil(async () => {
        const deliveries = await all.call('GET', `${path}/deliveries`);
        return deliveries.body.data[0].state === 'delivered' && deliveries.body.data[0].tries === 1;
      });
      const forged = {
        'webhook-id': 'evt_1',
        'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
        'webhook-signature': 'v1,AAAA',
      };
      assert.equal((await post(url, body.data.at(-1), forged)).status, 401);
      assert.equal((await post(url, body.data.at(-1))).status, 401);
      assert.equal(lines().length, 2, 'a repeated event is ignored');
    } finally {
      child.kill('SIGKILL');
      await all.call('DELETE', path);
    }
  });
}

test('the guide names every type of event with its scope and meaning', () => {
  const rows = [...GUIDE.matchAll(/^\| `([a-z_.]+)` \| `([a-z:-]+)` \| (.+) \|$/gm)];
  assert.deepEqual(
    Object.fromEntries(rows.map(([, type, scope, means]) => [type, { scope, means }])),
    EVENT_TYPES,
  );
});

function linesOf(child: ChildProcess): () => string[] {
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  return () => text.split('\n').filter(Boolean);
}
