import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createdTables, migrationFaults } from '../../test/support/migration-rules.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);
// The migrations of the first release run on an empty database.
const FIRST_RELEASE = 19;

test('a migration after the first release may run while the version before serves', () => {
  const existing = new Set<string>();
  const faults: string[] = [];
  for (const file of readdirSync(FOLDER).sort()) {
    const sql = readFileSync(new URL(file, FOLDER), 'utf8');
    if (Number.parseInt(file, 10) > FIRST_RELEASE) {
      faults.push(...migrationFaults(sql, existing).map((fault) => `${file}: ${fault}`));
    }
    for (const table of createdTables(sql)) existing.add(table);
  }
  assert.ok(existing.has('call') && existing.has('account'));
  assert.deepEqual(faults, []);
});

const EXISTING = new Set(['account', 'call', 'feed']);
const MAY = [
  'CREATE TABLE note (id bigint PRIMARY KEY, account bigint NOT NULL); CREATE INDEX n ON note (account)',
  'CREATE TABLE note (id bigint); ALTER TABLE note ALTER COLUMN id TYPE int, RENAME COLUMN id TO n',
  'ALTER TABLE account ADD COLUMN note text, ADD COLUMN b boolean NOT NULL DEFAULT false',
  'ALTER TABLE account ADD CONSTRAINT a CHECK (note IN (1, 2)) NOT VALID',
  'ALTER TABLE account DROP CONSTRAINT a',
  'CREATE INDEX f ON feed (format); UPDATE feed SET format = $$;$$',
  '-- DROP TABLE account;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ DROP TABLE call; $$',
];
const MUST_NOT: [sql: string, fault: RegExp][] = [
  ['DROP TABLE feed', /drops/],
  ['ALTER TABLE account DROP COLUMN note', /drops/],
  ['ALTER TABLE account DROP note', /drops/],
  ['ALTER TABLE account RENAME COLUMN note TO text', /renames/],
  ['ALTER TABLE call RENAME TO calls', /renames/],
  ['ALTER TABLE account ADD COLUMN a int, ALTER COLUMN note TYPE int', /rewrites/],
  ['ALTER TABLE account ALTER note SET DATA TYPE int', /rewrites/],
  ['ALTER TABLE account ALTER COLUMN note SET NOT NULL', /refuses/],
  ['ALTER TABLE account ADD COLUMN note text NOT NULL', /needs a default/],
  ['ALTER TABLE account ADD COLUMN id uuid DEFAULT gen_random_uuid()', /not constant/],
  ['ALTER TABLE call ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY', /not constant/],
  ['ALTER TABLE account ADD CONSTRAINT a CHECK (note IN (1, 2))', /NOT VALID/],
  ['ALTER TABLE account ADD FOREIGN KEY (note) REFERENCES feed (name)', /NOT VALID/],
  ['ALTER TABLE account ADD CONSTRAINT a UNIQUE (note)', /index/],
  ['CREATE UNIQUE INDEX c ON call (feed)', /blocks writers/],
  ["UPDATE account\n  SET note = ''", /rows of a large table/],
  ['DELETE FROM call', /rows of a large table/],
  ['LOCK TABLE account', /locks/],
  ['TRUNCATE feed', /under a lock/],
];

test('what a migration may and must not do', () => {
  for (const sql of MAY) assert.deepEqual(migrationFaults(sql, EXISTING), [], sql);
  for (const [sql, fault] of MUST_NOT) {
    const found = migrationFaults(sql, EXISTING);
    assert.equal(found.length, 1, `${sql}: ${found.join('; ')}`);
    assert.match(found[0] ?? '', fault);
  }
});
