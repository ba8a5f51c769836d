// Runs the tests on Debian's PostgreSQL instead of the embedded one. The role is no superuser, the
// connection is TCP, and the time zone exposes statements that rely on the server's zone.
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivatePostgres } from './support/private-postgres.ts';

const folder = await mkdtemp(join(tmpdir(), 'account-api-own-postgres-'));
await chmod(folder, 0o711);
const postgres = await startPrivatePostgres(join(folder, 'postgres'), {
  timezone: 'Pacific/Auckland',
  fsync: 'off',
});
const tests = spawn('npm', ['test', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, TEST_DATABASE_URL: postgres.url },
});
process.exitCode = await new Promise<number>((resolve) =>
  tests.once('close', (code) => resolve(code ?? 1)),
);
await postgres.stop();
await rm(folder, { recursive: true, force: true });
