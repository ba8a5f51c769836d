import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { SETTINGS } from '../src/settings.ts';

const GUIDE = new URL('../docs/operating.md', import.meta.url);

test("the operator's guide lists every setting with its default and meaning", async () => {
  const rows = Object.entries(SETTINGS).map(([name, schema]) => {
    const { default: fallback, description } = schema as {
      default?: unknown;
      description?: string;
    };
    return `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${description} |`;
  });
  const guide = await readFile(GUIDE, 'utf8');
  const [, listed] = /<!-- settings -->\n(.*?)<!-- \/settings -->/s.exec(guide) ?? [];
  assert.equal(
    listed,
    ['| setting | default | meaning |', '| --- | --- | --- |', ...rows, ''].join('\n'),
  );
});
