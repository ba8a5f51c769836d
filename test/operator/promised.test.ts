import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { operatorDocument } from '../../src/api/operator/framework/document.ts';
import { ROUTES } from '../../src/api/operator/routes.ts';
import { promisedBy } from '../support/promised.ts';

// A release writes the file anew: PROMISE=1 with this test.
const FILE = new URL('operator-v1.txt', import.meta.url);

test('what was promised of v1 is still there: paths, parameters, members, types of events', () => {
  const document = JSON.parse(JSON.stringify(operatorDocument(ROUTES)));
  const now = new Set(promisedBy(document));
  if (process.env.PROMISE) writeFileSync(FILE, `${[...now].join('\n')}\n`);
  const promised = readFileSync(FILE, 'utf8').trimEnd().split('\n');
  assert.ok(promised.length > 1_000, String(promised.length));
  assert.deepEqual(
    promised.filter((line) => !now.has(line)),
    [],
  );
  delete document.paths['/operator/v1/self'].get.responses['200'].content['application/json'].schema
    .properties.tail;
  const later = new Set(promisedBy(document));
  assert.deepEqual(
    promised.filter((line) => !later.has(line)),
    ['GET /operator/v1/self 200 .tail'],
  );
});
