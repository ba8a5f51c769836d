import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, countsOf, reportedCall } from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { changeAccount } from '../account/account.ts';
import {
  applyDueChanges,
  callOffChange,
  listScheduled,
  scheduleChange,
} from '../account/scheduled-change.ts';
import { type PlanRow, planOf, readPlan } from '../numbering-plan.ts';
import { readDialled } from '../phone-number.ts';
import { readPriceFile } from '../rating/price-csv.ts';
import { diffPrices } from '../rating/price-diff.ts';
import { type ImportOptions, importPrices } from '../rating/price-import.ts';
import { listPrices } from '../rating/price-list.ts';
import { deleteEndedPrices } from '../rating/price-versions.ts';
import { type ReportedCall, storeCalls } from './call.ts';
import { previewRerating, rerateCalls } from './rerating.ts';

const api = sharedService();

const NOW = new Date('2026-11-20T12:00:00Z');
const AT = (text: string) => new Date(text);

async function load(list: string, csv: string, options: Partial<ImportOptions> = {}) {
  const { prices, faults } = await readPriceFile(csv);
  assert.deepEqual(faults, []);
  const all = { now: NOW, replace: false, dryRun: false, ...options };
  return importPrices(api.service.db, TESTER, list, prices, all);
}

async function customerOf(priceList: string): Promise<number> {
  const account = await addCustomer(api, { rate: '9', minimum: 1, increment: 1 });
  const { db, queue, clock } = api.service;
  await changeAccount(db, TESTER, { queue, now: clock() }, account, { priceList });
  return account;
}

/** Stores a call of a minute. @returns its amount */
async function bill(account: number, startedAt: Date, called = '+442055501234') {
  const call = reportedCall({ account, startedAt, called, talkMicroseconds: 60_000_000 });
  assert.equal(countsOf(await storeCalls(api.service.db, 'x', [call], NOW)).stored, 1);
  const [row] = await api.service.db.query<{ amount: string }>(
    'SELECT trim_scale(amount)::text AS amount FROM call WHERE id = $1',
    [call.id],
  );
  return row?.amount;
}

test('a price counts for calls that start while it is valid, however late their records come', async () => {
  const { db } = api.service;
  const none = { added: 0, changed: 0, unchanged: 0, removed: 0, raisedSoon: 0 };
  assert.deepEqual(await load('dated', 'prefix,rate\n44,1\n49,1'), { ...none, added: 2 });
  const account = await customerOf('dated');
  const december = AT('2026-12-01T00:00:00Z');
  const sheet = 'prefix,rate\n44,2\n33,3\n';
  const counts = { ...none, added: 1, changed: 1, removed: 1 };
  const replacement = { from: december, replace: true };
  assert.deepEqual(await load('dated', sheet, { ...replacement, dryRun: true }), counts);
  assert.deepEqual(await load('dated', sheet, replacement), counts);
  const unchanged = { ...none, unchanged: 2 };
  assert.deepEqual(await load('dated', sheet, replacement), unchanged);
  const last = new Date(december.getTime() - 1);
  assert.deepEqual([await bill(account, last), await bill(account, december)], ['1', '2']);
  const german = '+4930555012';
  assert.deepEqual(
    [await bill(account, last, german), await bill(account, december, german)],
    ['1', '9'],
  );
  const french = '+33155501234';
  assert.deepEqual(
    [await bill(account, last, french), await bill(account, december, french)],
    ['9', '3'],
  );
  const range = { from: AT('2026-11-01T00:00:00Z'), to: AT('2027-01-01T00:00:00Z'), account };
  assert.deepEqual(await previewRerating(db, range), { calls: 6, changed: 0, adjustments: [] });
  const shown = async (at: Date) =>
    (await listPrices(db, 'dated', { limit: 9, at })).map((price) => [
      ...[price.prefix, Number(price.rate), price.validFrom, price.validUntil],
    ]);
  assert.deepEqual(await shown(NOW), [
    ['44', 1, null, december],
    ['49', 1, null, december],
  ]);
  assert.deepEqual(await shown(december), [
    ['33', 3, december, null],
    ['44', 2, december, null],
  ]);
  const differences = await diffPrices(db, 'dated', [NOW, december], { after: '', limit: 9 });
  assert.deepEqual(
    differences.map(({ prefix, before, after }) => [prefix, before?.rate, after?.rate]),
    [
      ['33', undefined, '3.000000'],
      ['44', '1.000000', '2.000000'],
      ['49', '1.000000', undefined],
    ],
  );
});

test('a date that is past is refused without --backdate, and a rise on short notice is told', async () => {
  const { db } = api.service;
  await load('past', 'prefix,rate\n44,1\n49,1');
  const account = await customerOf('past');
  const from = AT('2026-11-10T00:00:00Z');
  await bill(account, AT('2026-11-09T23:59:59.999Z'));
  await bill(account, from);
  const sheet = 'prefix,rate\n44,2\n49,0.5';
  await assert.rejects(load('past', sheet, { from }), {
    code: 'malformed',
    message:
      '44 would count from 2026-11-10T00:00:00.000Z, which is past: add --backdate where calls that are stored may be priced again',
  });
  const { raisedSoon } = await load('past', sheet, { from, backdate: true });
  assert.equal(raisedSoon, 1);
  const range = { from: AT('2026-11-01T00:00:00Z'), to: NOW, account, reason: 'late sheet' };
  const changed = { calls: 2, changed: 1, adjustments: [{ account, amount: '-1.000000' }] };
  assert.deepEqual(await previewRerating(db, range), changed);
  await rerateCalls(db, TESTER, range, { now: NOW });
  assert.deepEqual(await previewRerating(db, range), { calls: 2, changed: 0, adjustments: [] });
  const later = await load('past', 'prefix,rate\n44,3', { from: AT('2026-11-28T00:00:00Z') });
  assert.equal(later.raisedSoon, 0);
  await db.query(
    `INSERT INTO call_retention (kept_from) VALUES ('2026-11-10T00:00:01Z')
     ON CONFLICT DO NOTHING`,
  );
  try {
    await deleteEndedPrices(db);
    const left = await db.query<{ prefix: string; rate: string }>(
      "SELECT prefix, trim_scale(rate)::text AS rate FROM price WHERE list = 'past' ORDER BY prefix, valid_from",
    );
    assert.deepEqual(
      left.map(({ prefix, rate }) => [prefix, rate]),
      [
        ['44', '2'],
        ['44', '3'],
        ['49', '0.5'],
      ],
    );
  } finally {
    await db.query('DELETE FROM call_retention');
  }
});

test('two prices of a prefix from the same moment on are refused, however it is written', async () => {
  const from = AT('2026-12-01T00:00:00Z');
  for (const [rows, options] of [
    ['44,1,2026-12-01\n44,2,2026-12-01T00:00Z', {}],
    ['44,1,2026-12-01T02:00+02:00\n44,2,2026-12-01T01:00+01:00', {}],
    ['44,1,\n44,2,2026-12-01', { from }],
  ] as const) {
    await assert.rejects(load('twice', `prefix,rate,valid from\n${rows}`, options), {
      code: 'malformed',
      message: '44 has two prices from 2026-12-01T00:00:00.000Z on',
    });
  }
  const { added, changed } = await load(
    'twice',
    'prefix,rate,valid from\n44,1,\n44,2,2026-12-01\n44,3,2026-12-01T00:01Z',
  );
  assert.deepEqual([added, changed], [1, 2]);
});

test('an account changes its rate or list by itself, once it is due', async () => {
  const { db, queue } = api.service;
  await load('later', 'prefix,rate\n44,0.1');
  const account = await addCustomer(api, { rate: '1' });
  const schedule = (settings: object, dueAt = AT('2026-12-01T00:00:00Z')) =>
    scheduleChange(db, TESTER, { account, settings, dueAt }, NOW);
  await assert.rejects(schedule({ name: 'Other' }), { code: 'malformed' });
  await assert.rejects(schedule({ rate: '2' }, NOW), { code: 'malformed' });
  await assert.rejects(schedule({ priceList: 'nowhere' }), { code: 'not found' });
  const first = await schedule({ rate: '2', priceList: 'later' });
  const second = await schedule({ rate: '3' });
  const third = await schedule({ rate: '4' }, AT('2027-01-01T00:00:00Z'));
  await callOffChange(db, TESTER, second, NOW);
  assert.deepEqual(
    (await listScheduled(db, account)).map(({ id }) => id),
    [first, third],
  );
  const terms = () =>
    db.query('SELECT trim_scale(rate)::text AS rate, price_list FROM account WHERE username = $1', [
      account,
    ]);
  await applyDueChanges(db, queue, AT('2026-11-30T23:59:59Z'));
  assert.deepEqual(await terms(), [{ rate: '1', price_list: null }]);
  await applyDueChanges(db, queue, AT('2026-12-01T00:00:00Z'));
  assert.deepEqual(await terms(), [{ rate: '2', price_list: 'later' }]);
  await db.query('UPDATE account SET closed_at = now() WHERE username = $1', [account]);
  await applyDueChanges(db, queue, AT('2027-01-01T00:00:00Z'));
  const left = await listScheduled(db, account);
  assert.deepEqual(
    left.map(({ id, settings, problem }) => [id, settings, problem !== null]),
    [[third, { rate: '4' }, true]],
  );
});

// Dates of a price sheet in Berlin time, and the midnights that they mean: around a leap day and
// both clock changes.
const DATES: [text: string, moment: string][] = [
  ['2024-02-29', '2024-02-28T23:00Z'],
  ['2024-03-01', '2024-02-29T23:00Z'],
  ['2026-03-29', '2026-03-28T23:00Z'],
  ['2026-03-29 03:00', '2026-03-29T01:00Z'],
  ['2026-03-30', '2026-03-29T22:00Z'],
  ['2026-10-25', '2026-10-24T22:00Z'],
  ['2026-10-26', '2026-10-25T23:00Z'],
  ['2026-11-01T00:00Z', '2026-11-01T00:00Z'],
];
const PREFIXES = ['1', '1212', '12125', '34', '346', '44', '4420', '44207', '447', '49'];

interface ModelPrice {
  rate: bigint;
  minimum: number;
  increment: number;
  fee: bigint;
  least: bigint;
}

/** Pseudo-random numbers; a seed always gives the same ones. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const decimal = (micros: bigint) =>
  `${micros / 1_000_000n}.${String(micros % 1_000_000n).padStart(6, '0')}`;

test('what is stored is what a plain model reckons, over prices, versions, fees, daily limits and formats', async () => {
  const { db } = api.service;
  const seed = Number(process.env.SEED ?? 20_261_125);
  const random = randomNumbers(seed);
  const pick = <T>(values: readonly T[]) => values[random(values.length)] as T;
  // The model: for each prefix, prices by the beginning of their validity; null: no price.
  const model = new Map(PREFIXES.map((prefix) => [prefix, new Map<number, ModelPrice | null>()]));
  const newPrice = (): ModelPrice => ({
    rate: BigInt(random(4) === 0 ? 0 : random(2_000_000)),
    minimum: random(70),
    increment: 1 + random(60),
    fee: BigInt(random(2) * random(500_000)),
    least: BigInt(random(2) * random(800_000)),
  });
  const line = (prefix: string, price: ModelPrice, from: string) =>
    [
      ...[prefix, decimal(price.rate), price.minimum, price.increment],
      ...[decimal(price.fee), decimal(price.least), from],
    ].join(',');
  const title = 'prefix,rate,minimum,increment,connect fee,minimum charge,valid from\n';
  const options = { backdate: true, timeZone: 'Europe/Berlin' };
  for (let sheet = 0; sheet < 12; sheet++) {
    const given = PREFIXES.filter(() => random(3) > 0);
    const isReplacement = sheet > 6 && random(2) === 0 && given.length > 0;
    const [date, moment] = pick(DATES);
    const lines = given.map((prefix) => {
      const price = newPrice();
      const [own, start] = isReplacement ? [date, moment] : pick(DATES);
      model.get(prefix)?.set(Date.parse(start), price);
      return line(prefix, price, own);
    });
    if (isReplacement) {
      const end = Date.parse(moment);
      for (const [prefix, versions] of model) {
        if (given.includes(prefix) || !priceAt(versions, end)) continue;
        // A price that would have begun then is dropped.
        if (priceAt(versions, end - 1)) versions.set(end, null);
        else versions.delete(end);
      }
    }
    const from = isReplacement ? { from: new Date(moment), replace: true } : {};
    await load('model', title + lines.join('\n'), { ...options, ...from });
  }
  const own = { rate: 9_000_000n, minimum: 1, increment: 1, fee: 0n, least: 0n };
  const account = await customerOf('model');
  const british = await customerOf('model');
  const { queue } = api.service;
  await changeAccount(db, TESTER, { queue, now: NOW }, british, { country: 'GB' });
  const days = new Map<number, ModelDay>([
    [account, new ModelDay('Europe/Berlin', 9_000_000n)],
    [british, new ModelDay('America/New_York', 2_500_000n)],
  ]);
  for (const [who, { timeZone, limit }] of days) {
    const changes = { timeZone, dayLimit: decimal(limit) };
    await changeAccount(db, TESTER, { queue, now: NOW }, who, changes);
  }
  const plans = new Map<string, PlanRow>();
  for (const country of ['US', 'GB', 'ES']) plans.set(country, await readPlan(country));
  const calls: ReportedCall[] = [];
  const expected: object[] = [];
  const amounts: bigint[] = [];
  for (let n = 0; n < 400; n++) {
    const isBritish = random(4) === 0;
    const country = isBritish ? 'GB' : pick(['US', 'GB', 'ES']);
    const digits = pick([
      `1212${2 + random(8)}550${100 + random(900)}`,
      `346${10_000_000 + random(90_000_000)}`,
      `4420${70_000_000 + random(10_000_000)}`,
      `447${100_000_000 + random(900_000_000)}`,
      `49${300_000_000 + random(90_000_000)}`,
      `33${100_000_000 + random(90_000_000)}`,
    ]);
    const forms = [`+${digits}`, `${country === 'US' ? '011' : '00'}${digits}`];
    if (country === 'US' && digits.startsWith('1')) forms.push(digits.slice(1), digits);
    if (country === 'GB' && digits.startsWith('44')) forms.push(`0${digits.slice(2)}`);
    if (country === 'ES' && digits.startsWith('34')) forms.push(digits.slice(2));
    // If an account has its own country, its switch dials as another country.
    const plan = planOf(plans.get(isBritish ? 'US' : country) ?? null);
    const read = readDialled(pick(forms), plan);
    assert.ok(read?.called);
    const { called, dialled } = read;
    const startedMs = Date.parse(pick(DATES)[1]) + pick([-1, 0, 1, 3_600_000 * random(500)]);
    const talk = random(5) === 0 ? 0 : random(400_000_000);
    const call = reportedCall({
      ...{
        account: isBritish ? british : account,
        called,
        dialled,
        startedAt: new Date(startedMs),
      },
      talkMicroseconds: talk,
    });
    calls.push(call);
    const price = longest(model, digits, startedMs) ?? own;
    const { rate, fee, least } = price;
    const seconds =
      talk === 0
        ? 0
        : Math.max(
            price.minimum,
            Math.ceil(talk / (price.increment * 1_000_000)) * price.increment,
          );
    const bySeconds = (rate * BigInt(seconds) * 2n + 60n) / 120n;
    const whole = bySeconds + fee > least ? bySeconds + fee : least;
    const amount = seconds === 0 ? 0n : whole;
    amounts.push(amount);
    expected.push({
      id: call.id,
      called: digits.startsWith('1') ? digits.slice(1) : `+${digits}`,
      rate: decimal(rate),
      seconds,
      amount: decimal(amount),
      fee: amount === bySeconds ? null : decimal(amount - bySeconds),
    });
  }
  // Calls are stored around a leap day and both clock changes.
  for (let first = 0, ms = 0; first < calls.length; first += 8) {
    const begin = first % 120 === 0 && BEGINS[first / 120];
    ms = begin ? Date.parse(begin) : ms + random(5 * 3_600_000);
    const batch = calls.slice(first, first + 8);
    const { stored } = countsOf(await storeCalls(db, 'x', batch, new Date(ms)));
    assert.equal(stored, batch.length);
    for (const [n, { account = 0 }] of batch.entries()) {
      const amount = amounts[first + n] ?? 0n;
      if (amount > 0n) days.get(account)?.add(ms, amount);
    }
    for (const [who, day] of days) {
      const [row] = await db.query(
        `SELECT spent_on::text AS day, spent_today::text AS spent, limit_level AS level
         FROM balance WHERE account = $1`,
        [who],
      );
      assert.deepEqual(row, day.shown(), `SEED=${seed}, batch at ${new Date(ms).toISOString()}`);
    }
  }
  const stored = await db.query(
    `SELECT replace(c.id::text, '-', '') AS id, called, rate::text, billed_seconds AS seconds,
       amount::text, fee::text
     FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, n) JOIN call c ON c.id = i.id ORDER BY n`,
    [calls.map(({ id }) => id)],
  );
  assert.deepEqual(stored, expected, `SEED=${seed}`);
  for (const who of [account, british]) {
    const range = {
      from: AT('2024-01-01T00:00:00Z'),
      to: AT('2027-06-01T00:00:00Z'),
      account: who,
    };
    assert.equal((await previewRerating(db, range)).changed, 0, `SEED=${seed}`);
  }
});

const BEGINS = ['2024-02-28T12:00Z', '2026-03-07T20:00Z', '2026-03-28T12:00Z', '2026-10-24T12:00Z'];

/** What the calls of an account took in its day, reckoned plainly. */
class ModelDay {
  readonly timeZone: string;
  readonly limit: bigint;
  #day: string | null = null;
  #spent = 0n;
  #level = 0;

  constructor(timeZone: string, limit: bigint) {
    this.timeZone = timeZone;
    this.limit = limit;
  }

  add(ms: number, amount: bigint): void {
    const { timeZone, limit } = this;
    const day = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(ms);
    if (day !== this.#day) [this.#day, this.#spent, this.#level] = [day, 0n, 0];
    this.#spent += amount;
    const reached = this.#spent >= limit ? 100 : this.#spent * 10n >= limit * 8n ? 80 : 0;
    this.#level = Math.max(this.#level, reached);
  }

  shown(): object {
    return { day: this.#day, spent: decimal(this.#spent), level: this.#level };
  }
}

function priceAt(versions: Map<number, ModelPrice | null>, ms: number): ModelPrice | null {
  const starts = [...versions.keys()].filter((start) => start <= ms);
  return starts.length > 0 ? (versions.get(Math.max(...starts)) ?? null) : null;
}

function longest(
  model: Map<string, Map<number, ModelPrice | null>>,
  digits: string,
  ms: number,
): ModelPrice | undefined {
  const fitting = [...model]
    .filter(([prefix, versions]) => digits.startsWith(prefix) && priceAt(versions, ms))
    .sort(([a], [b]) => b.length - a.length);
  return fitting[0] && (priceAt(fitting[0][1], ms) ?? undefined);
}
