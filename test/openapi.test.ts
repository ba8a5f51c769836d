import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startService, type TestService } from './support/service.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

let api: TestService;
before(async () => {
  api = await startService();
});
after(() => api.stop());

test('the OpenAPI document passes the linter', async () => {
  const path = join(api.folder, 'openapi.json');
  await writeFile(path, await (await fetch(`${api.url}/openapi.json`)).text());
  const lint = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', path],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: {
        ...process.env,
        REDOCLY_TELEMETRY: 'off',
        REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
      },
    },
  );
  assert.equal(lint.status, 0, lint.stdout + lint.stderr);
  assert.doesNotMatch(lint.stderr, /warning/i);
});
