import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPriceFile } from './price-csv.ts';
import { priceFaultText } from './price-fault.ts';

const price = (prefix: string, rate: string, rest: object = {}) => ({
  prefix,
  rate,
  name: '',
  minimumSeconds: null,
  incrementSeconds: null,
  connectFee: '0',
  minimumCharge: '0',
  validFrom: null,
  ...rest,
});

const read = (text: string) => readPriceFile(text);
const problems = async (text: string) =>
  (await read(text)).faults.map(({ line, fault }) => `${line}: ${priceFaultText(fault)}`);

test('titles say which column is what, in any order and case', async () => {
  const text =
    '\uFEFFDestination,Dial_Code,Country,RATE,Increment,minimum\r\n' +
    '"Germany, ""mobile""",+49 15,DE,0.02500000,6,30\r\n' +
    '\r\n' +
    ' USA ,1, US, .006 ,,\r\n';
  assert.deepEqual(await read(text), {
    prices: [
      price('4915', '0.025000', {
        name: 'Germany, "mobile"',
        minimumSeconds: 30,
        incrementSeconds: 6,
      }),
      price('1', '0.006', { name: 'USA' }),
    ],
    faults: [],
    ignored: ['Country'],
  });
});

test('without titles the columns are prefix, rate, name, minimum, increment', async () => {
  const text = '44;0.01;"United Kingdom; landline";0;1\n4470;1;Personal\n53;0.8';
  assert.deepEqual((await read(text)).prices, [
    price('44', '0.01', {
      name: 'United Kingdom; landline',
      minimumSeconds: 0,
      incrementSeconds: 1,
    }),
    price('4470', '1', { name: 'Personal' }),
    price('53', '0.8'),
  ]);
  assert.deepEqual((await read('1\t0.5\n')).prices, [price('1', '0.5')]);
  assert.deepEqual(await read('prefix,rate\n'), { prices: [], faults: [], ignored: [] });
  assert.deepEqual(await read(''), { prices: [], faults: [], ignored: [] });
});

test('every line that is wrong is told with its number', async () => {
  const text = [
    'prefix,rate,name,minimum,increment',
    '44,0.01',
    'UK,0.01',
    '4420,-1',
    '4421,0.0000001',
    '4422,1e-3',
    '4423,1234567',
    '4424,0.01,x,6,',
    '4425,0.01,x,6,0',
    '4426,0.01,x,3601,6',
    '+44,0.02',
    '"4427,0.01',
    '"44"28,0.01',
    '1234567890123456,0.01',
    '4429,',
  ].join('\n');
  assert.deepEqual(await problems(text), [
    "3: the prefix 'UK' must be 1 to 15 digits, the country code first",
    "4: the rate '-1' must be an amount per minute with at most six decimals",
    "5: the rate '0.0000001' must be an amount per minute with at most six decimals",
    "6: the rate '1e-3' must be an amount per minute with at most six decimals",
    "7: the rate '1234567' must be an amount per minute with at most six decimals",
    '8: minimum and increment go together',
    "9: the increment '0' must be 1 to 3600 seconds",
    "10: the minimum '3601' must be 0 to 3600 seconds",
    '11: the prefix 44 is in line 2, too',
    '12: a quote is not closed',
    '13: there is text after a closing quote',
    "14: the prefix '1234567890123456' must be 1 to 15 digits, the country code first",
    "15: the rate '' must be an amount per minute with at most six decimals",
  ]);
});

test('a prefix that no number begins with is refused', async () => {
  const range = 'must be one prefix, not a range: give each prefix of it by itself';
  const code = 'must begin with the country code, without 00 or 011';
  const digits = 'must be 1 to 15 digits, the country code first';
  for (const [prefix, problem] of [
    ['0044', code],
    ['+0044', code],
    ['01149', code],
    ['011 49', code],
    ['447400-447409', range],
    ['447400 - 447409', range],
    ['44-74', range],
    ['1212.0', digits],
    ['1.212E3', digits],
    ['44;49', digits],
    ['+', digits],
  ] as const) {
    assert.deepEqual(await problems(`prefix,rate\n"${prefix}",0.01`), [
      `2: the prefix '${prefix}' ${problem}`,
    ]);
  }
  const kept = await read('prefix,rate\n1-809,0.1\n1-809-201,0.2\n+44 74,0.3\n0,7\n02,8\n112,0');
  assert.deepEqual(
    kept.prices.map(({ prefix }) => prefix),
    ['1809', '1809201', '4474', '0', '02', '112'],
  );
  assert.deepEqual(kept.faults, []);
});

test('a file that is no UTF-8 is refused', async () => {
  const latin = Buffer.from(
    'prefix,rate,name\n44,0.01,Jersey\n225,0.2,C\u00f4te d\u2019Ivoire',
    'latin1',
  );
  assert.deepEqual(await problems(latin.toString('utf8')), ['3: the file must be saved as UTF-8']);
  const wide = Buffer.from('prefix,rate\n44,0.01\n', 'utf16le');
  assert.deepEqual(await problems(wide.toString('utf8')), ['1: the file must be saved as UTF-8']);
});

test('a file whose columns are not known is not read on', async () => {
  assert.deepEqual(await problems('country,rate\nDE,1\n'), ['1: there is no column called prefix']);
  assert.deepEqual(await problems('prefix,rate,price\n1,1,2\n'), [
    '1: there are several columns called rate',
  ]);
  assert.deepEqual(await problems('prefix,rate,setup fee,connect fee\n1,1,2,3\n'), [
    '1: there are several columns called connect fee',
  ]);
});

test('a decimal comma does not become a column of its own', async () => {
  const cells = 'cells, where there are 3 columns: a decimal comma must be a point';
  assert.deepEqual(await problems('prefix,rate,name\n44,0.5,UK\n34,0,5,Spain\n1,0.1,USA,,\n'), [
    `3: 4 ${cells}`,
  ]);
});

test('a date is one that the database has, in every time zone', async () => {
  for (const date of [
    '0000-01-01',
    '9999-12-31',
    '2030-01-01T00:00+24:00',
    '2030-01-01T00:00-16:00',
  ]) {
    const problem = `2: '${date}' must be a date such as 2030-12-01, or 2030-12-01T00:00Z`;
    assert.deepEqual(await problems(`prefix,rate,valid from\n1,1,${date}`), [problem]);
  }
  const { prices } = await read('prefix,rate,valid from\n1,1,2030-01-01T00:00-1545');
  assert.equal(prices[0]?.validFrom, '2030-01-01T00:00-1545');
});

test('a prefix has a thousand dates at most', async () => {
  const day = (n: number) => new Date(Date.UTC(2030, 0, 1 + n)).toISOString().slice(0, 10);
  const lines = Array.from({ length: 1_001 }, (_, n) => `44,0.1,${day(n)}`);
  const text = ['prefix,rate,valid from', ...lines, '45,0.1,2030-01-01'].join('\n');
  assert.deepEqual(await problems(text), [
    '1002: the prefix 44 is there with more than 1000 dates',
  ]);
  assert.equal((await read(text)).prices.length, 1_001);
});

test('others have their turn while a large file is read', async () => {
  const lines = Array.from({ length: 50_000 }, (_, n) => `${4_400_000 + n},0.0123,Anywhere`);
  let turns = 0;
  const count = setInterval(() => turns++, 1);
  const { prices } = await read(lines.join('\n'));
  clearInterval(count);
  assert.equal(prices.length, 50_000);
  assert.ok(turns >= 5, `${turns} turns`);
});

test('a file that is no price list is read no further than its limits', async () => {
  const wrong = "the prefix 'x' must be 1 to 15 digits, the country code first";
  const faults = await problems(`prefix,rate\n${'x\n'.repeat(20_000)}`);
  assert.equal(faults.length, 10_002);
  assert.deepEqual(faults.slice(-2), [
    `10002: ${wrong}`,
    '10003: there are more than 10000 faults, so the file is read no further',
  ]);
  assert.deepEqual(await problems(`prefix,rate\n${'\n'.repeat(20_000_000)}`), [
    '1000001: the file has more than 1000000 lines',
  ]);
  const long = `44,0.1,"${'x'.repeat(64 * 1024)}"`;
  const most = 'the line has more than 65536 characters';
  assert.deepEqual(await problems(`prefix,rate,name\n1,1\n${long}\n44,0.1`), [`3: ${most}`]);
  assert.deepEqual(await problems(','.repeat(10_000_000)), [`1: ${most}`]);
});
