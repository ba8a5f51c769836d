import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { isSecret, OPERATOR_KEY } from '../../src/domain/access/key-text.ts';
import { operatorClient } from '../support/operator.ts';
import { sharedService } from '../support/service.ts';

const run = promisify(execFile);
const GUIDE = readFileSync(new URL('../../docs/operator-api.md', import.meta.url), 'utf8');

const api = sharedService();

test('the ten things that are done most work as they are written', async () => {
  const { secret } = await operatorClient(api);
  const blocks = [...GUIDE.matchAll(/^ *```bash\n([\s\S]*?)^ *```$/gm)].map(
    ([, text = '']) => text,
  );
  assert.equal(blocks.length, 10);
  const script = blocks.map((block, n) => `echo "== ${n + 1}"\n${block}\necho\n`).join('');
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
    env: { PATH: process.env.PATH, API: `${api.url}/operator/v1`, KEY: secret },
  });
  const answers = stdout
    .split(/== \d+\n/)
    .slice(1)
    .map((text) => text.trim());
  const at = (n: number) => JSON.parse((answers[n - 1] ?? '').replace(/^.*\}(?=\{)/s, ''));
  assert.equal(at(1).name, 'test');
  assert.deepEqual([at(2).externalId, at(2).rate], ['crm-88', '0.007500']);
  assert.deepEqual([at(4).posted, at(4).entry.reference], [true, 'stripe:pi_3Q']);
  assert.deepEqual([at(5).account, at(5).cash], [at(2).username, '25.000000']);
  assert.deepEqual([at(6).maxCalls, at(6).notifyThreshold], [10, 20]);
  assert.equal(at(7).description, 'E911');
  assert.equal(at(8).username, at(2).username);
  assert.deepEqual(at(9), { data: [], next: null });
  assert.equal(at(10).kind, 'reconciliation');
});

test('the guide shows no key that a scanner takes for one', () => {
  const shown = [...GUIDE.matchAll(/\baccapi_op_[0-9A-Za-z]{38}\b/g)].map(([text]) => text);
  assert.ok(shown.length > 0);
  assert.deepEqual(
    shown.filter((key) => isSecret(OPERATOR_KEY, key)),
    [],
  );
});
