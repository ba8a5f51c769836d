import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const SWITCHES = ['asterisk', 'freeswitch', 'kamailio', 'opensips'];
const HEADINGS = [
  'What you get',
  'Ten lines',
  'Who pays',
  'Transfers',
  'When the service is away',
  'TLS',
  'What was run and when',
];

const root = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const commandsOf = (page: string) => /```bash\n.*?```/s.exec(page)?.[0];

test('the page of each switch has the same headings, and its folder a README with the same ten lines', () => {
  for (const name of SWITCHES) {
    const [page, readme] = [read(`docs/switches/${name}.md`), read(`deploy/${name}/README.md`)];
    const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(headings, HEADINGS, name);
    assert.ok(commandsOf(page), name);
    assert.equal(commandsOf(readme), commandsOf(page), name);
    assert.ok((commandsOf(page)?.split('\n').length as number) <= 12, name);
    assert.ok(readme.split('\n').length < 60, `${name}: more than a page`);
  }
});

test('the README of each folder names all of its files, and no other', () => {
  for (const name of SWITCHES) {
    const table = [...read(`deploy/${name}/README.md`).matchAll(/^\| (`.*?) \|/gm)].join();
    const named = [...table.matchAll(/`([\w.-]+)`/g)].map(([, file]) => file as string);
    const files = readdirSync(new URL(`deploy/${name}`, root)).filter(
      (file) => file !== 'README.md',
    );
    assert.deepEqual([...new Set(named)].sort(), files.sort(), name);
  }
});
