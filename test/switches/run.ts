// Runs the suites of real switches: Kamailio of Debian 12, and those of Debian's sid where they can be had.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sidCommand } from './sid.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const setup = `--test-global-setup=${folder}support/global-setup.ts`;

/** @returns whether all of it passed */
function suite(file: string, env: Record<string, string> = {}): boolean {
  const options = { stdio: 'inherit' as const, env: { ...process.env, ...env } };
  return spawnSync(process.execPath, ['--test', setup, `${folder}${file}`], options).status === 0;
}

const passed = [suite('kamailio/kamailio.test.ts'), suite('switches/kamailio.test.ts')];
const extracted = spawnSync(`${folder}switches/debian-sid.sh`, {
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (extracted.status === 0) {
  const sid = { KAMAILIO: 'sid' };
  passed.push(suite('switches/asterisk.test.ts'));
  const valkey = sidCommand('usr/bin/valkey-server').join(' ');
  passed.push(suite('faults/redis.test.ts', { LIMITS_SERVER: valkey }));
  passed.push(suite('kamailio/kamailio.test.ts', sid), suite('switches/kamailio.test.ts', sid));
} else {
  console.log("Debian's sid cannot be had here: Asterisk 22, Kamailio 6 and Valkey are not run.");
}
process.exitCode = passed.every(Boolean) ? 0 : 1;
