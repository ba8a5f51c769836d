import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { balanceOf } from '../../src/domain/account/account-search.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { runCommand } from '../support/command.ts';
import { counts, type Importing, importing } from '../support/importing.ts';
import { sharedService } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

let imports: Importing;
const api = sharedService({ SIP_REALM: 'sip.example.com' }, async () => {
  api.env.SIP_REALM = 'sip.example.com';
  imports = importing(api);
});

const ASTPP_ACCOUNTS = [
  'id,number,reseller_id,first_name,last_name,company_name,email,status,deleted,type,posttoexternal,credit_limit,balance,pricelist_name,maxchannels,notify_flag,notify_credit_limit,creation,currency_code',
  '1,4000000001,0,Ann,Example,,ann@example.com,0,0,0,0,0.00000,25.50000,,2,0,5,2020-01-02 03:04:05,USD',
  '2,4000000002,0,,,"Debts, Ltd",debts@example.com,0,0,0,1,100.00000,12.50000,,0,1,10,2020-01-02 03:04:05,USD',
  '3,4000000003,0,Old,Gone,,gone@example.com,0,1,0,0,0,1.00000,,0,0,0,2020-01-02 03:04:05,USD',
  '4,reseller-1,0,Re,Seller,,shared@example.com,0,0,1,1,50,-3.25000,,0,0,0,2020-01-02 03:04:05,USD',
  '5,4000000005,4,Of,Reseller,,SHARED@example.com,1,0,0,0,0,0,,0,0,0,0000-00-00 00:00:00,USD',
  '6,4000000006,0,No,Address,,nowhere,0,0,0,0,0,0,,0,0,0,,USD',
  '7,4000000001,0,Same,Number,,same@example.com,0,0,0,0,0,0,,0,0,0,,USD',
  '8,4000000008,0,Other,Money,,money@example.com,0,0,0,1,10,5,,0,0,0,,EUR',
];
const BALANCES = [
  'id,balance,posttoexternal,type,deleted,currency_code,as_of',
  ...[
    '1,25.50000,0,0,0,USD',
    '2,12.50000,1,0,0,USD',
    '4,-3.25000,1,1,0,USD',
    '5,0.00000,0,0,0,USD',
  ].map((line) => `${line},2026-11-25 22:00:00`),
];

test('ASTPP: accounts, traps and cash, to the last digit; twice is once', async () => {
  const accounts = imports.file('astpp.csv', ASTPP_ACCOUNTS);
  const astpp = ['--mapping', 'astpp'];
  const dry = await imports.run(1, 'accounts', accounts, ...astpp, '--dry-run');
  assert.deepEqual([dry.dryRun, ...counts(dry)], [true, 4, 0, 0, 1, 3]);
  assert.equal(await imports.accountOf('astpp:1'), undefined, 'a dry run writes nothing');
  const report = join(api.folder, 'r.ndjson');
  const done = await imports.run(1, 'accounts', accounts, ...astpp, '--report', report);
  assert.deepEqual(counts(done), [4, 0, 0, 1, 3]);
  assert.deepEqual(done.failures, [
    {
      line: 7,
      key: 'astpp:6',
      errors: ['email: Must be an e-mail address such as user@example.com.'],
    },
    { line: 8, key: 'astpp:7', errors: ['line 2 has the username 4000000001, too'] },
    {
      line: 9,
      key: 'astpp:8',
      errors: ['creditLimit: is in EUR, and the books are in USD: add --currency EUR=RATE'],
    },
  ]);
  const lines = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines.at(-1), {
    end: true,
    created: 4,
    updated: 0,
    unchanged: 0,
    skipped: 1,
    failed: 3,
  });
  assert.deepEqual(
    lines.slice(0, 3).map(({ line, key, status }) => [line, key, status]),
    [
      [2, 'astpp:1', 'created'],
      [3, 'astpp:2', 'created'],
      [4, 'line 4', 'skipped'],
    ],
  );
  const failed = readFileSync(join(api.folder, 'r.failed.csv'), 'utf8').split('\n');
  assert.equal(failed[0], `${ASTPP_ACCOUNTS[0]},import_error`);
  assert.equal(failed[2], `${ASTPP_ACCOUNTS[7]},"line 2 has the username 4000000001, too"`);
  assert.equal(statSync(join(api.folder, 'r.failed.csv')).mode & 0o777, 0o600);

  const ann = await imports.accountOf('astpp:1');
  assert.ok(ann);
  const { username, name, email, rate, maxCalls, notify, billing, createdAt, verifiedAt } = ann;
  assert.deepEqual(
    { username, name, email, rate, maxCalls, notify, billing, createdAt, verifiedAt },
    {
      username: 4000000001,
      name: 'Ann Example',
      email: 'ann@example.com',
      rate: '0.007500',
      maxCalls: 2,
      notify: true,
      billing: 'prepaid',
      createdAt: new Date('2020-01-02T03:04:05Z'),
      verifiedAt: null,
    },
  );
  const debts = await imports.accountOf('astpp:2');
  assert.deepEqual(
    [debts?.name, debts?.creditLimit, debts?.notify],
    ['Debts, Ltd', '100.000000', false],
  );
  const reseller = await imports.accountOf('astpp:4');
  assert.match(String(reseller?.username), /^[2-9][0-9]{9}$/);
  assert.equal((await imports.accountOf('astpp:5'))?.enabled, false);

  const again = await imports.run(1, 'accounts', accounts, ...astpp);
  assert.deepEqual(counts(again), [0, 0, 4, 1, 3]);

  const balances = imports.file('balances.csv', BALANCES);
  const wouldBe = await imports.run(0, 'balances', balances, ...astpp, '--dry-run');
  const sums = {
    'postpaid negative': { count: 1, sum: '-12.500000' },
    'postpaid positive': { count: 1, sum: '3.250000' },
    'prepaid positive': { count: 1, sum: '25.500000' },
  };
  assert.deepEqual([wouldBe.sums, ...counts(wouldBe)], [sums, 3, 0, 1, 0, 0]);
  const posted = await imports.run(0, 'balances', balances, ...astpp);
  assert.deepEqual([posted.balanced, posted.sums, ...counts(posted)], [true, sums, 3, 0, 1, 0, 0]);
  const twice = await imports.run(0, 'balances', balances, ...astpp);
  assert.deepEqual(counts(twice), [0, 0, 4, 0, 0]);
  const { db } = api.service;
  assert.equal((await balanceOf(db, debts?.username ?? 0)).cash, '-12.500000');
  assert.equal((await balanceOf(db, reseller?.username ?? 0)).cash, '3.250000');
  assert.deepEqual((await reconcile(db)).imbalances, []);
  const [entry] = await db.query<object>(
    `SELECT kind, amount::text, reason, reference FROM ledger_entry WHERE account = 4000000001`,
  );
  assert.deepEqual(entry, {
    kind: 'adjustment',
    amount: '25.500000',
    reason: 'Opening balance of 2026-11-25 from astpp',
    reference: 'opening balance',
  });
});

test('accounts that are closed there are skipped, or taken as closed, each once', async () => {
  const path = imports.file('closed.csv', [
    'id,username,email,status,activated,typepaid,firstname',
    '901,4100000001,open@example.com,1,t,0,Open',
    '902,4100000002,expired@example.com,5,t,0,Expired',
    '903,4100000003,never@example.com,1,f,0,Never',
  ]);
  const args = ['accounts', path, '--mapping', 'a2billing'];
  assert.deepEqual(counts(await imports.run(0, ...args, '--dry-run')), [1, 0, 0, 2, 0]);
  assert.deepEqual(counts(await imports.run(0, ...args, '--include')), [3, 0, 0, 0, 0]);
  assert.deepEqual(counts(await imports.run(0, ...args, '--include')), [0, 0, 3, 0, 0]);
  const closed = await Promise.all(
    ['901', '902', '903'].map(async (id) => {
      const account = await imports.accountOf(`a2billing:${id}`);
      return [account?.name, account?.enabled, account?.closedAt !== null];
    }),
  );
  assert.deepEqual(closed, [
    ['Open', true, false],
    ['Expired', false, true],
    ['Never', true, true],
  ]);
});

test('price lists of three systems: fees and blocks are theirs, and what has no place is a fault', async () => {
  const prices = async (
    status: number,
    list: string,
    mapping: string,
    lines: string[],
    ...more: string[]
  ) => {
    const path = imports.file(`${list}.csv`, lines);
    const args = ['prices', 'import', list, path, '--mapping', mapping, ...more, '--json'];
    const done = await runCommand(api.env, ...args);
    assert.equal(done.status, status, done.stdout + done.stderr);
    return JSON.parse(done.stdout);
  };
  const stored = (list: string) =>
    api.service.db.query<object>(
      `SELECT prefix, name, rate::text, minimum_seconds AS minimum, increment_seconds AS increment,
         connect_fee::text AS fee, minimum_charge::text AS least FROM price WHERE list = $1 ORDER BY prefix`,
      [list],
    );
  const astpp = [
    'pattern,comment,cost,connectcost,includedseconds,init_inc,inc,status,effective_date',
    '^44.*,United Kingdom,0.01000,0.02000,0,30,6,0,2020-01-01',
    '^4420.*,London,0.0123456,0,0,0,0,0,2020-01-01',
    '^49.*,Germany,0.02,0,60,1,1,0,2020-01-01',
    '^1.*,Off,0.02,0,0,1,1,1,2020-01-01',
  ];
  const { faults } = await prices(1, 'astpp', 'astpp', astpp);
  assert.deepEqual(faults, [
    { line: 3, problem: 'rate: Must have at most six decimals' },
    {
      line: 4,
      problem:
        'includedseconds: has no place here and would change bills; --accept takes the row without it',
    },
  ]);
  const accepted = ['--round-rates', '--accept', 'includedseconds'];
  const done = await prices(0, 'astpp', 'astpp', astpp, ...accepted);
  assert.deepEqual([done.added, done.skipped, done.givenUp], [3, 1, ['49']]);
  assert.deepEqual(await stored('astpp'), [
    {
      prefix: '44',
      name: 'United Kingdom',
      rate: '0.010000',
      minimum: 30,
      increment: 6,
      fee: '0.020000',
      least: '0.000000',
    },
    {
      prefix: '4420',
      name: 'London',
      rate: '0.012346',
      minimum: 0,
      increment: 1,
      fee: '0.000000',
      least: '0.000000',
    },
    {
      prefix: '49',
      name: 'Germany',
      rate: '0.020000',
      minimum: 1,
      increment: 1,
      fee: '0.000000',
      least: '0.000000',
    },
  ]);
  const a2billing = [
    'dialprefix,destination,rateinitial,initblock,billingblock,connectcharge,disconnectcharge,minimal_cost,starttime,endtime,startdate',
    '44,UK,0.01,60,6,0.05,0,0.10,0,10079,',
    '44,UK,0.02,60,6,0.05,0,0.10,0,10079,2090-01-01 00:00:00',
    '49,Night,0.01,60,6,0,0,0,1200,1800,',
  ];
  const card = await prices(0, 'cards', 'a2billing', a2billing);
  assert.equal(card.skipped, 1);
  const [first, later, ...others] = await stored('cards');
  assert.deepEqual([typeof later, others], ['object', []]);
  assert.deepEqual(first, {
    ...{ prefix: '44', name: 'UK', rate: '0.010000', minimum: 60, increment: 6 },
    ...{ fee: '0.050000', least: '0.100000' },
  });
  const magnus = [
    'prefix,destination,rateinitial,minimum,billingblock,connectcharge,disconnectcharge,status',
    '44,UK,0.01,30,6,0,0.01,1',
  ];
  assert.match(
    JSON.stringify(await prices(1, 'magnus', 'magnusbilling', magnus)),
    /disconnectcharge/,
  );
});

// The columns of each system's own tables.
const SYSTEMS: {
  mapping: string;
  accounts: string[];
  expected: [number, number, number];
  first: object;
  sip?: string[];
  balances?: string[];
  cash?: string;
}[] = [
  {
    mapping: 'a2billing',
    accounts: [
      'id,username,useralias,firstname,lastname,company_name,email,status,activated,typepaid,creditlimit,credit,simultaccess,credit_notification,creationdate,currency,uipass,tariff_name',
      '1,5100000001,al1,Ann,Example,,a1@example.com,1,t,1,-50,12.5,2,5,2019-05-06 07:08:09,USD,plain,',
      '2,card-2,al2,,,Suspended Inc,a2@example.com,6,t,0,0,3,0,-1,2019-05-06 07:08:09,USD,plain,',
      '3,5100000003,al3,Gone,Gone,,a3@example.com,5,t,0,0,1,0,-1,2019-05-06 07:08:09,USD,plain,',
      '4,5100000004,al4,Prepaid,Limit,,a4@example.com,1,t,0,20,1,0,-1,2019-05-06 07:08:09,USD,plain,',
    ],
    expected: [2, 1, 1],
    first: {
      username: 5100000001,
      name: 'Ann Example',
      billing: 'postpaid',
      creditLimit: '50.000000',
      maxCalls: 2,
      notify: true,
      notifyThreshold: 5,
      enabled: true,
    },
    sip: ['id_cc_card,name,secret', '1,5100000001,Kept4phones!a2b'],
    balances: ['id,credit,currency,status,activated,as_of', '1,12.5,USD,1,t,2026-11-25 22:00:00'],
    cash: '12.500000',
  },
  {
    mapping: 'magnusbilling',
    accounts: [
      'id,username,firstname,lastname,company_name,email,active,typepaid,creditlimit,credit,calllimit,credit_notification,creationdate,password,plan_name,user_type',
      '1,maria,Maria,Example,,m1@example.com,1,0,0,7.25,-1,-1,2021-01-01 00:00:00,plain,,3',
      '2,admin,Ad,Min,,m2@example.com,1,0,0,0,-1,-1,2021-01-01 00:00:00,plain,,1',
      '3,5200000003,Off,Line,,m3@example.com,0,1,10,-2,4,3,2021-01-01 00:00:00,plain,,3',
    ],
    expected: [2, 1, 0],
    first: {
      name: 'Maria Example',
      billing: 'prepaid',
      creditLimit: null,
      maxCalls: null,
      notify: false,
      notifyThreshold: 5,
      enabled: true,
    },
    sip: ['id_user,name,secret', '1,maria,Kept4phones!magnus'],
    balances: ['id,credit,active,user_type,as_of', '1,7.25,1,3,2026-11-25 22:00:00'],
    cash: '7.250000',
  },
  {
    mapping: 'fusionpbx',
    accounts: [
      'user_uuid,username,user_email,user_enabled,password,salt,contact_organization,contact_name_given,contact_name_family',
      '6f1b0c9e-0000-4000-8000-000000000001,frank,f1@example.com,true,,,,Frank,Example',
      '6f1b0c9e-0000-4000-8000-000000000002,off,f2@example.com,false,,,Example Org,,',
    ],
    expected: [2, 0, 0],
    first: { name: 'Frank Example', billing: 'prepaid', enabled: true, notify: true },
    sip: [
      'user_uuid,extension,password',
      '6f1b0c9e-0000-4000-8000-000000000001,1001,Kept4phones!fusion',
    ],
  },
];

for (const { mapping, accounts, expected, first, sip, balances, cash } of SYSTEMS) {
  test(`${mapping}: accounts, phones and cash as its own tables have them`, async () => {
    const args = ['--mapping', mapping];
    const status = expected[2] > 0 ? 1 : 0;
    const path = imports.file(`${mapping}.csv`, accounts);
    const { created, skipped, failed } = await imports.run(status, 'accounts', path, ...args);
    assert.deepEqual([created, skipped, failed], expected);
    const id = `${mapping}:${accounts[1]?.split(',')[0]}`;
    const account = await imports.accountOf(id);
    assert.ok(account);
    const shown = Object.keys(first).map((name) => [name, account[name as keyof typeof account]]);
    assert.deepEqual(Object.fromEntries(shown), first);
    if (sip) {
      const phones = await imports.run(0, 'sip', imports.file(`${mapping}-sip.csv`, sip), ...args);
      assert.equal(phones.updated, 1, JSON.stringify(phones));
    }
    if (!balances) return;
    await imports.run(0, 'balances', imports.file(`${mapping}-balances.csv`, balances), ...args);
    assert.equal((await balanceOf(api.service.db, account.username)).cash, cash);
  });
}

// Of all that the tests before it took in.
test('everything goes out as files of one moment that say when they are whole', async () => {
  const to = join(api.folder, 'export');
  // An event is exported when it has its number, which it gets after its commit.
  await waitUntil(async () => {
    const waiting = await api.service.db.query('SELECT FROM event WHERE sequence IS NULL');
    return waiting.length === 0;
  });
  const done = await runCommand(api.env, 'export', 'all', '--to', to, '--json');
  assert.equal(done.status, 0, done.stderr);
  const manifest = JSON.parse(readFileSync(join(to, 'manifest.json'), 'utf8'));
  assert.deepEqual(JSON.parse(done.stdout), manifest);
  assert.deepEqual([manifest.cash, manifest.ledger], ['36.000000', '36.000000']);
  for (const { file: name, rows, sha256 } of Object.values(manifest.files) as {
    file: string;
    rows: number;
    sha256: string;
  }[]) {
    const bytes = readFileSync(join(to, name));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, name);
    const all = bytes.toString().trim().split('\n');
    assert.deepEqual([JSON.parse(all.at(-1) ?? '').rows, all.length - 1], [rows, rows], name);
    assert.ok(!bytes.toString().match(/argon2|Kept4phones/), name);
  }
  assert.ok(manifest.files.balances.rows > 5);
  const twice = await runCommand(api.env, 'export', 'all', '--to', to);
  assert.equal(twice.status, 1);
  const since = join(to, 'manifest.json');
  const later = join(api.folder, 'export-2');
  const args = ['export', 'all', '--to', later, '--since', since, '--gzip', '--json'];
  const next = JSON.parse((await runCommand(api.env, ...args)).stdout);
  assert.deepEqual([next.files.events.rows, next.files.events.file], [0, 'events.ndjson.gz']);
});
