import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { changeAccount } from '../../src/domain/account/account.ts';
import { searchAccounts } from '../../src/domain/account/account-search.ts';
import { EXPORT_KIND_NAMES } from '../../src/domain/moving/export-kinds.ts';
import { post } from '../support/calls.ts';
import { watchDelays } from '../support/delays.ts';
import { codeOf, operatorClient, sharedOperators } from '../support/operator.ts';
import { TESTER } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const { api, all: client } = sharedOperators();

const CSV = { 'content-type': 'text/csv' };
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Begins an import of a file in parts. */
async function begun(body: object, parts: (string | Buffer)[]) {
  const made = await client.call('POST', '/imports', body);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body;
  for (const [n, part] of parts.entries()) {
    const url = `${api.url}/operator/v1/imports/${id}/parts/${n + 1}`;
    const headers = { ...CSV, authorization: `Bearer ${client.secret}` };
    const sent = await fetch(url, { method: 'PUT', headers, body: part as string });
    assert.equal(sent.status, 200, await sent.text());
  }
  const started = await client.call('POST', `/imports/${id}/start`, {});
  assert.equal(started.status, 202, JSON.stringify(started.body));
  return { id, operation: started.body.id };
}

/** An operation that has ended. */
async function ended(id: string) {
  let operation: Awaited<ReturnType<typeof client.call>>['body'];
  await waitUntil(async () => {
    operation = (await client.call('GET', `/operations/${id}`)).body;
    return operation.finishedAt !== null;
  });
  return operation;
}

async function imported(body: object, parts: (string | Buffer)[]) {
  const { id, operation } = await begun(body, parts);
  return { id, operation: await ended(operation) };
}

test('a file comes in parts, is imported by a job, and tells of each row', async () => {
  const secret = 'Plain text of before 1';
  const rows = [
    'externalId,name,email,password',
    `h-1,First,first@example.com,${secret}`,
    'h-2,Second,nowhere,',
    'h-3,Third,third@example.com,',
  ].join('\n');
  const middle = Math.floor(rows.length / 2);
  const body = { kind: 'accounts', passwords: 'take' };
  const { id, operation } = await imported(body, [rows.slice(0, middle), rows.slice(middle)]);
  const counts = { created: 2, updated: 0, unchanged: 0, skipped: 0, failed: 1 };
  assert.deepEqual(
    [operation.status, operation.result],
    [
      'succeeded',
      { import: id, kind: 'accounts', dryRun: false, ...counts, sums: {}, remarks: [] },
    ],
  );
  const report = await client.call('GET', `/operations/${operation.id}/report`);
  const told = lines(report.body);
  assert.deepEqual(told.at(-1), { end: true, ...counts });
  assert.deepEqual(
    told.map(({ line, key, status }) => [line, key, status]),
    [
      [2, 'h-1', 'created'],
      [3, 'h-2', 'failed'],
      [4, 'h-3', 'created'],
      [undefined, undefined, undefined],
    ],
  );
  const only = lines((await client.call('GET', `/imports/${id}/report?only=failed`)).body);
  assert.deepEqual(only.slice(0, -1), [
    {
      line: 3,
      key: 'h-2',
      username: null,
      status: 'failed',
      errors: [{ column: 'email', detail: 'Must be an e-mail address such as user@example.com.' }],
    },
  ]);
  const failed = await client.call('GET', `/imports/${id}/failed-rows`);
  const [head, row] = failed.body.split('\n');
  assert.equal(head, 'externalId,name,email,password,import_error');
  assert.match(row, /^h-2,Second,nowhere,,email: Must be/);
  const { sums: _, ...shown } = (await client.call('GET', `/imports/${id}`)).body;
  assert.equal(shown.status, 'finished');
  const late = await client.call('PUT', `/imports/${id}/parts/1`, 'x', CSV);
  assert.equal(codeOf(late), '409 conflict');
  for (const table of [
    'import_name',
    'import_part',
    'import_row',
    'import_run',
    'operation',
    'audit_entry',
    'event',
    'account',
  ]) {
    const [found] = await api.service.db.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${table} t WHERE strpos(t::text, $1) > 0
         OR strpos(t::text, $2) > 0 OR strpos(t::text, $3) > 0`,
      [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret).toString('base64').slice(0, 20),
      ],
    );
    assert.equal(found?.count, 0, table);
  }
  assert.ok(!api.logged().includes(secret));
  const unnumbered = () => api.service.db.query('SELECT FROM event WHERE sequence IS NULL');
  await waitUntil(async () => (await unnumbered()).length === 0);
  const created = lines((await client.call('GET', '/exports/events')).body).filter(
    ({ type }) => type === 'account.created',
  );
  assert.deepEqual(
    created.map(({ externalId, data: { origin } }) => [externalId, origin]),
    [
      ['h-1', 'import'],
      ['h-3', 'import'],
    ],
  );
});

test('an import needs the right for its kind, all of its parts, and is told to its own key alone', async () => {
  const poor = await operatorClient(api, { scopes: ['imports:write', 'accounts:write'] });
  const money = await poor.call('POST', '/imports', { kind: 'balances' });
  assert.deepEqual([codeOf(money), money.body.scope], ['403 scope_required', 'ledger:write']);
  const limited = await operatorClient(api, {
    scopes: ['imports:write', 'ledger:write'],
    entryLimit: '5',
  });
  assert.equal(
    codeOf(await limited.call('POST', '/imports', { kind: 'balances' })),
    '403 amount_limit',
  );
  const { id } = (await client.call('POST', '/imports', { kind: 'accounts', dryRun: true })).body;
  assert.equal(codeOf(await client.call('POST', `/imports/${id}/start`, {})), '409 conflict');
  await client.call('PUT', `/imports/${id}/parts/2`, 'x', CSV);
  assert.equal(codeOf(await client.call('POST', `/imports/${id}/start`, {})), '409 conflict');
  assert.equal(codeOf(await poor.call('GET', `/imports/${id}`)), '404 not_found');
  assert.equal((await client.call('DELETE', `/imports/${id}`)).status, 204);
  const wrong = await client.call('POST', '/imports', { kind: 'cars' });
  assert.equal(codeOf(wrong), '422 invalid');
  const packed = gzipSync('externalId,name,email\nh-9,Dry,dry@example.com\n');
  const dry = await imported({ kind: 'accounts', dryRun: true }, [packed]);
  assert.equal(dry.operation.result.created, 1);
  const found = await searchAccounts(
    api.service.db,
    { externalId: ['h-9'] },
    { order: 'username', limit: 1 },
  );
  assert.deepEqual(found, []);
});

/** An import whose file is read for the first time, which takes many seconds. */
async function beingRead() {
  const lines = '\n'.repeat(12_000_000);
  const import_ = await begun({ kind: 'accounts' }, [gzipSync(`externalId,name,email\n${lines}`)]);
  await waitUntil(async () => {
    const { db } = api.service;
    const query = 'SELECT FROM import_run WHERE id = $1 AND digest IS NOT NULL';
    return (await db.query(query, [import_.id])).length > 0;
  });
  return import_;
}

const auditOf = async (id: string) => {
  const rows = await api.service.db.query<{ action: string }>(
    'SELECT action FROM audit_entry WHERE strpos(detail::text, $1) > 0 ORDER BY id',
    [id],
  );
  return rows.map(({ action }) => action);
};

test('an import that is discarded while its file is read ends soon, and nothing of it is kept', async () => {
  const { id, operation } = await beingRead();
  assert.equal((await client.call('DELETE', `/imports/${id}`)).status, 204);
  const began = performance.now();
  const busyMs = watchDelays();
  const { status, error, result } = await ended(operation);
  const took = performance.now() - began;
  assert.deepEqual([status, error.code, result], ['failed', 'conflict', null]);
  const { body } = await client.call('GET', `/imports/${id}`);
  assert.deepEqual([body.status, body.rows], ['discarded', null]);
  assert.deepEqual(await auditOf(id), ['import started', 'import discarded']);
  for (const table of ['import_name', 'import_part', 'import_row']) {
    assert.deepEqual(
      await api.service.db.query(`SELECT FROM ${table} WHERE run = $1`, [id]),
      [],
      table,
    );
  }
  assert.ok(took < 3_000 + busyMs(), `${took} ms`);
});

test('long work of a key waits for the other work of this key, and for that of no other key', async () => {
  const first = await beingRead();
  const second = await begun({ kind: 'accounts' }, [
    'externalId,name,email\nq-1,A,q@example.com\n',
  ]);
  const other = await operatorClient(api);
  const { body } = await other.call('POST', '/reconciliations', {});
  await waitUntil(async () => {
    const operation = (await other.call('GET', `/operations/${body.id}`)).body;
    return operation.status === 'succeeded';
  });
  const statusOf = async ({ operation }: typeof first) =>
    (await client.call('GET', `/operations/${operation}`)).body.status;
  assert.deepEqual([await statusOf(first), await statusOf(second)], ['running', 'queued']);
  assert.equal((await client.call('DELETE', `/imports/${first.id}`)).status, 204);
  assert.equal((await ended(second.operation)).status, 'succeeded');
});

test('an import is cancelled while its file is read, and can be started again', async () => {
  const { id, operation } = await beingRead();
  const { status, body } = await client.call('POST', `/operations/${operation}/cancel`);
  assert.deepEqual([status, body.status], [200, 'cancelled']);
  const shown = (await client.call('GET', `/imports/${id}`)).body;
  assert.deepEqual([shown.status, shown.created], ['open', 0]);
  const again = await client.call('POST', `/imports/${id}/start`, {});
  assert.equal(again.status, 202, JSON.stringify(again.body));
  assert.equal((await client.call('DELETE', `/imports/${id}`)).status, 204);
  assert.equal((await ended(again.body.id)).status, 'failed');
  assert.equal((await ended(operation)).status, 'cancelled');
  assert.deepEqual(await auditOf(id), ['import started', 'import discarded']);
  assert.deepEqual(await auditOf(operation), ['operation cancelled']);
});

test('of a key four files are taken at once; those of other keys do not wait for them', async () => {
  const other = await operatorClient(api);
  const importOf = async ({ call }: typeof other) =>
    (await call('POST', '/imports', { kind: 'accounts' })).body.id;
  const put = async (from: typeof other, id: string) =>
    from.call('PUT', `/imports/${id}/parts/1`, 'x'.repeat(7_000_000), CSV);
  const [own, others] = [await importOf(client), await importOf(other)];
  const slow = Array.from({ length: 4 }, () => {
    const headers = {
      ...CSV,
      authorization: `Bearer ${client.secret}`,
      'content-length': 8_000_000,
    };
    const url = `${api.url}/operator/v1/imports/${own}/parts/2`;
    const sending = request(url, { method: 'PUT', headers }).on('error', () => undefined);
    sending.write('x'.repeat(1_000));
    return sending;
  });
  let busy = await put(client, own);
  while (busy.status === 200) busy = await put(client, own);
  assert.equal(codeOf(busy), '503 unavailable');
  assert.ok(busy.headers.has('retry-after'));
  assert.equal((await put(other, others)).status, 200);
  for (const sending of slow) sending.destroy();
  assert.equal((await put(client, own)).status, 200);
});

test('a list of many imports takes one connection of the database', async () => {
  const { db } = api.service;
  for (let n = 0; n < 20; n++) await client.call('POST', '/imports', { kind: 'accounts' });
  const other = await operatorClient(api);
  const waiting = async () =>
    (await db.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length;
  const { listing, most } = await db.transaction(async (tx) => {
    await tx.query('LOCK TABLE import_row IN ACCESS EXCLUSIVE MODE');
    const listing = client.call('GET', '/imports?limit=1000');
    await waitUntil(async () => (await waiting()) > 0);
    assert.equal((await other.call('GET', '/feeds')).status, 200);
    return { listing, most: await waiting() };
  });
  assert.equal(most, 1);
  assert.ok((await listing).body.data.length >= 20);
});

test('a part that comes several times at once is taken once', async () => {
  const { body } = await client.call('POST', '/imports', { kind: 'accounts' });
  const file = `externalId,name,email\n${'x'.repeat(1_000_000)}`;
  const put = (text: string) => client.call('PUT', `/imports/${body.id}/parts/1`, text, CSV);
  const equal = await Promise.all(Array.from({ length: 5 }, () => put(file)));
  assert.deepEqual(
    equal.map(({ status }) => status),
    Array(5).fill(200),
  );
  const different = await Promise.all([1, 2, 3, 4].map((n) => put(`${file}${n}`)));
  for (const { status } of different) assert.ok([200, 409].includes(status), String(status));
  assert.ok(different.some(({ status }) => status === 200));
});

test('an export that loses its database has no end line; from the last cursor on, all are there once', async () => {
  const { db } = api.service;
  await db.query(
    `INSERT INTO audit_entry (at, actor, origin, action, detail)
     SELECT '2020-01-01'::timestamptz + n * interval '1 second', 'test', 'test', 'test', '{}'
     FROM generate_series(1, 60000) AS n`,
  );
  const url = `${api.url}/operator/v1/exports/audit`;
  const headers = { authorization: `Bearer ${client.secret}` };
  const { body } = await fetch(url, { headers });
  let cut = '';
  const reading = (async () => {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      if (cut === '') {
        await db.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND query LIKE 'FETCH % FROM exported'`,
        );
      }
      cut += Buffer.from(chunk).toString();
    }
  })();
  await assert.rejects(reading, /terminated/);
  assert.ok(cut.includes('"actor" : "test"') && !cut.includes('"end":true'));
  const whole = lines((await client.call('GET', '/exports/audit')).body);
  const { rows, cursor } = whole.pop();
  assert.deepEqual([rows, new Set(whole.map(({ id }) => id)).size], [whole.length, whole.length]);
  assert.ok(rows >= 60_000);
  await db.query(
    `INSERT INTO audit_entry (at, actor, origin, action, detail)
     VALUES (now() - interval '2 minutes', 'later', 'test', 'test', '{}')`,
  );
  const next = lines((await client.call('GET', `/exports/audit?after=${cursor}`)).body);
  const known = new Set(whole.map(({ id }) => id));
  const fresh = next.filter(({ id }) => id !== undefined && !known.has(id));
  assert.deepEqual(
    [fresh.filter(({ actor }) => actor === 'later').length, next.length - 1],
    [1, fresh.length],
  );
});

test('exports end with a line that says so, and go on after their cursor', async () => {
  const { db, queue, clock } = api.service;
  const { username } = await api.signUp();
  await post(db, username, '12.5');
  // Rows of the last minute wait.
  await db.query("UPDATE account SET updated_at = updated_at - interval '10 minutes'");
  const first = lines((await client.call('GET', '/exports/accounts')).body);
  const end = first.at(-1);
  assert.deepEqual([end.end, end.rows, typeof end.cursor], [true, first.length - 1, 'string']);
  const own = first.find((row) => row.username === String(username));
  assert.deepEqual([own.rate, own.sipUser, own.closedAt], ['0.007500', String(username), null]);
  assert.ok(!JSON.stringify(first).match(/argon2|key_|sealed|"ha1"/));
  const after = async (kind: string, cursor: string) =>
    lines((await client.call('GET', `/exports/${kind}?after=${cursor}`)).body);
  assert.deepEqual(await after('accounts', end.cursor), [
    { end: true, rows: 0, cursor: end.cursor },
  ]);
  await changeAccount(db, TESTER, { queue, now: clock() }, username, { name: 'Changed' });
  assert.equal((await after('accounts', end.cursor)).length, 1, 'not yet');
  await db.query(
    "UPDATE account SET updated_at = now() - interval '2 minutes' WHERE username = $1",
    [username],
  );
  const next = await after('accounts', end.cursor);
  assert.deepEqual(
    next.map(({ name }) => name),
    ['Changed', undefined],
  );
  const balances = lines((await client.call('GET', '/exports/balances')).body);
  assert.equal(balances.find(({ account }) => account === String(username)).cash, '12.500000');
  assert.equal(balances.at(-1).cursor, null);
  for (const kind of EXPORT_KIND_NAMES) {
    const rows = lines((await client.call('GET', `/exports/${kind}`)).body);
    assert.deepEqual([rows.at(-1).end, rows.at(-1).rows], [true, rows.length - 1], kind);
  }
  const accept = { accept: 'text/csv' };
  await changeAccount(db, TESTER, { queue, now: clock() }, username, { name: '=1+1, "x"' });
  const csv = await client.call('GET', '/exports/balances', undefined, accept);
  assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
  const [titles, ...rest] = csv.body.split('\r\n');
  assert.equal(titles, 'account,externalId,cash,held,billing,creditLimit,suspended');
  assert.ok(rest.includes(`${username},,12.500000,0.000000,prepaid,,false`));
  assert.deepEqual(rest.slice(-2), [`end,${balances.length - 1},`, '']);
  const audit = await client.call('GET', '/exports/audit?after=', undefined, accept);
  assert.match(audit.body, /^id,at,actor,origin,action,account,detail\r\n/);
  const now = '2030-01-01 00:00:00+00';
  const places = [
    ['1', '2'],
    ['2030-13-01 00:00:00+00', '2'],
    ['2030-01-01 24:30:00+00', '2'],
    ['2030-01-01 00:00:00+99', '2'],
    ['0000-01-01 00:00:00+00', '2'],
    [now, '9223372036854775808'],
    [now, '-1'],
  ].map((place) => Buffer.from(JSON.stringify(['ledger', ...place])).toString('base64url'));
  assert.deepEqual(
    (await after('ledger', Buffer.from(`["ledger","${now}","2"]`).toString('base64url'))).at(-1)
      .rows,
    0,
  );
  for (const cursor of [end.cursor, 'x', ...places]) {
    const wrong = await client.call('GET', `/exports/ledger?after=${cursor}`);
    assert.equal(codeOf(wrong).slice(0, 3), '422', cursor);
  }
  const poor = await operatorClient(api, { scopes: ['exports:read', 'accounts:read'] });
  assert.equal((await poor.call('GET', '/exports/services')).status, 200);
  const refused = await poor.call('GET', '/exports/audit');
  assert.deepEqual([codeOf(refused), refused.body.scope], ['403 scope_required', 'audit:read']);
  assert.equal(codeOf(await client.call('GET', '/exports/secrets')), '404 not_found');
});
