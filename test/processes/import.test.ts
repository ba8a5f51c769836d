import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pipeCommand, runCommand } from '../support/command.ts';
import { counts, type Importing, importing } from '../support/importing.ts';
import { sharedService } from '../support/service.ts';

let imports: Importing;
const api = sharedService({ SIP_REALM: 'sip.example.com' }, async () => {
  api.env.SIP_REALM = 'sip.example.com';
  imports = importing(api);
});

test('a row that differs is refused, or changes settings alone; payers may come later in the file', async () => {
  const first = [
    '{"externalId":"n-2","name":"Sub","email":"sub@example.com","masterExternalId":"n-1"}',
    '{"externalId":"n-1","name":"Payer","email":"payer@example.com","rate":0.02,"timeZone":"Europe/Berlin","verified":true}',
    '{"externalId":"n-3","name":"Lost","email":"lost@example.com","masterExternalId":"n-9"}',
  ];
  const path = imports.file('neutral.ndjson', first);
  const dry = await imports.run(1, 'accounts', path, '--dry-run');
  assert.deepEqual(counts(dry), [2, 0, 0, 0, 1]);
  const made = await imports.run(1, 'accounts', path);
  assert.deepEqual(counts(made), [2, 0, 0, 0, 1]);
  assert.deepEqual(made.failures, [
    { line: 3, key: 'n-3', errors: ['masterExternalId: no open billing account is n-9'] },
  ]);
  const [payer, sub] = [await imports.accountOf('n-1'), await imports.accountOf('n-2')];
  assert.equal(sub?.masterAccount, payer?.username);
  assert.ok(payer?.verifiedAt);
  const changed = imports.file('changed.csv', [
    'externalId;name;email;masterExternalId;rate;password',
    'n-1;Payer;new@example.com;;0.03;a new password',
    'n-2;Sub;sub@example.com;n-1;;',
  ]);
  const refused = await imports.run(1, 'accounts', changed);
  assert.deepEqual(
    [refused.failures, ...counts(refused)],
    [
      [{ line: 2, key: 'n-1', errors: ['email: it exists, with another email, rate'] }],
      0,
      0,
      1,
      0,
      1,
    ],
  );
  const hash = () =>
    api.service.db.query('SELECT password_hash FROM account WHERE username = $1', [
      payer?.username,
    ]);
  const before = await hash();
  const upserted = await imports.run(
    0,
    'accounts',
    changed,
    '--mode',
    'upsert',
    '--passwords',
    'take',
  );
  assert.deepEqual(counts(upserted), [0, 1, 1, 0, 0]);
  const after = await imports.accountOf('n-1');
  assert.deepEqual([after?.email, after?.rate], ['new@example.com', '0.030000']);
  assert.deepEqual(await hash(), before, 'credentials are never changed');
});

test('phones, numbers and services go to their accounts, each once', async () => {
  const sip = imports.file('sip.csv', [
    'externalId,sipUser,sipSecret',
    'n-1,office-7,Kept4phones!x',
    'n-2,,123456',
    'n-9,nobody,Kept4phones!y',
    'n-2,home,Kept4phones!x',
  ]);
  const first = await imports.run(1, 'sip', sip);
  assert.deepEqual(counts(first), [0, 1, 0, 0, 3]);
  const errors = first.failures.map(({ errors: [one] }: { errors: string[] }) => one);
  assert.deepEqual(errors, [
    'sipSecret: the SIP secret is weak: its digest can be tried offline; --accept-weak-sip takes it',
    'externalId: there is no such account',
    'line 2 has the same secret; --accept-weak-sip takes it',
  ]);
  const [row] = await api.service.db.query<{ ha1: string }>(
    "SELECT ha1 FROM sip_subscriber WHERE username = 'office-7'",
  );
  const ha1 = createHash('md5').update('office-7:sip.example.com:Kept4phones!x').digest('hex');
  assert.equal(row?.ha1, ha1);
  assert.deepEqual(counts(await imports.run(1, 'sip', sip)), [0, 0, 1, 0, 3]);
  const numbers = imports.file('numbers.csv', [
    'number\texternalId\tmonthly\taddedAt',
    '+1 800 555 0130\tn-1\t1.50\t2020-01-01',
    '8005550131\tn-2\t0\t',
    '8005550130\tn-2\t0\t',
  ]);
  const given = await imports.run(1, 'numbers', numbers, '--first-charge', '2040-02');
  assert.deepEqual(counts(given), [2, 0, 0, 0, 1]);
  assert.equal(given.failures[0].errors[0], 'line 2 has the number 8005550130, too');
  assert.deepEqual(counts(await imports.run(1, 'numbers', numbers)), [0, 0, 2, 0, 1]);
  const services = imports.file('services.csv', [
    'externalId,description,monthly',
    'n-2,E911,1.50',
  ]);
  assert.deepEqual(counts(await imports.run(0, 'services', services)), [1, 0, 0, 0, 0]);
  const dearer = imports.file('services.csv', ['externalId,description,monthly', 'n-2,E911,2']);
  assert.deepEqual(counts(await imports.run(1, 'services', dearer)), [0, 0, 0, 0, 1]);
  assert.deepEqual(
    counts(await imports.run(0, 'services', dearer, '--mode', 'upsert')),
    [0, 1, 0, 0, 0],
  );
  const [paid] = await api.service.db.query<{ at: string }>(
    "SELECT next_charge::text AS at FROM account WHERE external_id = 'n-1'",
  );
  assert.equal(paid?.at, '2040-02-01');
  const balance = imports.file('sub.csv', ['externalId,cash,asOf', 'n-2,5,2026-11-25']);
  const refused = await imports.run(1, 'balances', balance);
  assert.match(
    refused.failures[0].errors[0],
    /^cash: \d{10} pays for it: money belongs to who pays$/,
  );
});

test('damaged and hostile files are faults with lines, and nothing of them is written', async () => {
  const head = 'externalId,name,email';
  const cases: [string, string[] | Buffer, RegExp][] = [
    ['quotes', [head, 'd-1,"a,b@example.com', 'd-2,B,b@example.com'], /no row of separated values/],
    ['cells', [head, 'd-1,A'], /2 cells, where the titles are 3/],
    ['nul', Buffer.from(`${head}\nd-1,A\0,a@example.com\n`), /NUL/],
    ['encoding', Buffer.from(`${head}\nd-1,M\xfcller,a@example.com\n`, 'latin1'), /not UTF-8/],
    [
      'long',
      Buffer.from(`${head}\nd-1,${'x'.repeat(70_000)},a@example.com\n`),
      /longer than 65536 bytes/,
    ],
    ['json', ['{"externalId":"d-1"}', '{"externalId":['], /no JSON object/],
    [
      'sums',
      ['externalId,name,email,wallet_balance', 'd-1,A,a@example.com,5'],
      /may be money are not understood: wallet_balance/,
    ],
    ['twice', ['externalId,External ID,name', 'd-1,A,a'], /is there twice/],
    ['columns', [Array.from({ length: 40_000 }, (_, n) => `c${n}`).join(',')], /longer than 65536/],
    ['gzip', gzipSync(Buffer.from(`${head}\n`)).subarray(0, 22), /damaged gzip/],
  ];
  for (const [name, content, expected] of cases) {
    const path = imports.file(`bad-${name}.csv`, content);
    const { status, stdout, stderr } = await runCommand(api.env, 'import', 'accounts', path);
    assert.equal(status, 1, `${name}: ${stdout}${stderr}`);
    assert.match(stdout + stderr, expected, name);
  }
  assert.equal(await imports.accountOf('d-1'), undefined);
  const latin = imports.file(
    'latin.csv',
    Buffer.from(`${head}\nd-3,M\xfcller,m@example.com\n`, 'latin1'),
  );
  await imports.run(0, 'accounts', latin, '--encoding', 'latin1');
  assert.equal((await imports.accountOf('d-3'))?.name, 'Müller');
  const packed = gzipSync(
    Buffer.from(`\uFEFF${head}\r\nd-4,"Two\r\nlines","x"\r\nd-5,Piped,p@example.com\r\n`),
  );
  const piped = await pipeCommand(api.env, packed, 'import', 'accounts', '-', '--json');
  assert.deepEqual(counts(JSON.parse(piped.stdout)), [1, 0, 0, 0, 1]);
  const all = imports.file('all.csv', [head, 'd-6,A,a@example.com', 'd-7,B,nowhere']);
  assert.deepEqual(
    counts(await imports.run(1, 'accounts', all, '--all-or-nothing')),
    [0, 0, 0, 0, 2],
  );
  assert.equal(await imports.accountOf('d-6'), undefined);
});

test('invitations are mailed afterwards, once each', async () => {
  const path = imports.file('invited.csv', [
    'externalId,name,email',
    'i-1,Guest,guest@example.com',
  ]);
  const { id } = await imports.run(0, 'accounts', path);
  assert.deepEqual(await imports.run(0, 'invite', id), { invited: 1 });
  assert.deepEqual(await imports.run(0, 'invite', id), { invited: 0 });
  const [mail] = await api.mails('guest@example.com');
  assert.match(String(mail?.text), /\/verify\?token=/);
});
