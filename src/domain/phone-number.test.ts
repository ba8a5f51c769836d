import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.ts';
import {
  dialledNumber,
  internationalNumber,
  plainNumber,
  searchedNumber,
  tenDigits,
} from './phone-number.ts';

/** A number in E.164, its national digits, and its stored form. */
const numbers = fc.constantFrom(
  ['+12125550123', '2125550123', '2125550123'],
  ['+18005550177', '8005550177', '8005550177'],
  ['+5312345678', '', '+5312345678'],
  ['+39001234567', '', '+39001234567'],
  ['+311555512345', '', '+311555512345'],
  ['+442055501234', '', '+442055501234'],
  ['+290123456789012', '', '+290123456789012'],
);

const oneOf = (...values: string[]) => fc.constantFrom(...values);
const escapes = (character: string) => {
  const code = character.charCodeAt(0).toString(16);
  return oneOf(character, character, `%${code}`, `%${code.toUpperCase()}`);
};

/** All spellings of a number in RFC 3261 and RFC 3966, and those of people and switches. */
const spelling = numbers.chain(([e164 = '', national = '', stored = '']) => {
  const digits = e164.slice(1);
  const bare = [e164, `00${digits}`, `011${digits}`];
  if (national) bare.push(national);
  // Ten digits may be a North American number.
  if (digits.length !== 10) bare.push(digits);
  const separated = oneOf(...bare).chain((dialled) =>
    fc
      .tuple(
        ...[...dialled].map((c) =>
          fc.tuple(oneOf('', '', '', ' ', '-', '.', '(', ')'), escapes(c)),
        ),
      )
      .map((parts) => parts.map(([mark, c]) => (mark === ' ' ? '%20' : mark) + c).join('')),
  );
  const parameters = oneOf('', ';npdi', ';npdi;rn=+12125550100', ';ext=53', ';phone-context=+1');
  const uri = fc
    .tuple(
      oneOf('', 'sip:', 'sips:', 'tel:', 'SIP:', 'Tel:'),
      separated,
      parameters,
      oneOf(
        '',
        '@192.0.2.1',
        '@sip.example.com:5060;user=phone',
        ':secret@[2001:db8::1]?Subject=53',
      ),
    )
    .map((parts) => parts.join(''));
  const bracketed = fc
    .tuple(oneOf('', '"53 <\\" 44" ', 'Alice 53 ', '""'), uri, oneOf('', ';tag=53'))
    .map(([name, text, tag]) => `${name}<${text}>${tag}`);
  return fc.tuple(
    fc.oneof(
      uri,
      bracketed,
      uri.map((text) => ` ${text} `),
    ),
    fc.constant(stored),
  );
});

test('every spelling of a number is that number, and its own stored form', () => {
  fc.assert(
    fc.property(spelling, ([text, stored]) => {
      assert.equal(dialledNumber(text), stored, text);
      assert.equal(dialledNumber(stored), stored);
      assert.equal(dialledNumber(internationalNumber(stored)), stored);
    }),
    { numRuns: 2_000 },
  );
});

test('what has no country code stays as it is dialled', () => {
  for (const [text, number] of [
    ['911', '911'],
    ['%39%31%31', '911'],
    ['sip:112@sip.example.com;user=phone', '112'],
    ['tel:911;phone-context=ims.example.com', '911'],
    ['tel:112;phone-context=+49', '112'],
    ['000', '000'],
    ['00112', '00112'],
    ['555-0123', '5550123'],
    ['02055501234', '02055501234'],
    ['*98', '*98'],
    ['%2A98', '*98'],
    ['#31#', '#31#'],
    ['12345678901234567', '12345678901234567'],
  ] as const) {
    assert.equal(dialledNumber(text), number, text);
  }
});

test('what a trunk might dial as another number is none', () => {
  for (const text of [
    '',
    ' ',
    '+',
    'sip:',
    'sip:@sip.example.com',
    '+0115312345678',
    '+0',
    '+005312345678',
    '0005312345678',
    '011005312345678',
    '+10115312345678',
    '10115312345678',
    '1%30115312345678',
    '%252B5312345678',
    '53%2512345678',
    '53%3B12345678',
    '53%4012345678',
    '%2B53%',
    '%2B53%2',
    '%FF5312345678',
    '53\u00001234567',
    '\u0665\u06631234567',
    '\uff15\uff131234567',
    '1800FLOWERS',
    '5355500123x',
    '+53+12345678',
    '*675312345678',
    '53*12345678',
    'tel:12345678;phone-context=+53',
    'tel:1234;phone-context=+53',
    'tel:12345678;phone-context=%2b53',
    '2125550123@sip.example.com@5312345678',
    'mailto:5312345678',
    '<sip:5312345678',
    'sip:5312345678>',
    '"x<sip:5312345678>',
    'anonymous',
  ]) {
    assert.equal(dialledNumber(text), undefined, JSON.stringify(text));
    assert.equal(plainNumber(text), text);
  }
});

test('a number is shown and looked for as people write it', () => {
  const numbers = ['2125550123', '+442055501234', '911', '*98'];
  assert.deepEqual(
    numbers.map((number) => internationalNumber(number)),
    ['+12125550123', '+442055501234', '911', '*98'],
  );
  assert.deepEqual(
    ['+1 (212) 555-0123', '0044 20 5550 1234', '+44', '1-800', 'Alice'].map(searchedNumber),
    ['2125550123', '442055501234', '44', '1800', 'Alice'],
  );
  assert.deepEqual(
    ['+1 (212) 555-0123', '1234567890', '212555012', '+442055501234'].map(tenDigits),
    ['2125550123', '1234567890', undefined, undefined],
  );
});

const isLinear = ([once, eightfold]: [number, number]) => eightfold < 24 * Math.max(once, 1);

test('a text of any length is read in CPU time that grows with it alone', () => {
  const worst = [
    '9',
    '%',
    '%39',
    ' ',
    ';',
    '"',
    '"\\',
    '<',
    '<">',
    '@',
    '(',
    '+',
    '00',
    'sip:',
    '\\',
  ];
  for (const piece of worst) {
    for (const [start, end] of [
      ['', ''],
      ['"', ''],
      ['"', '"<1>'],
      ['tel:', '!'],
      ['<', '>'],
    ] as const) {
      const time = (length: number) => {
        const text = start + piece.repeat(length / piece.length) + end;
        const runs = [0, 1, 2].map(() => {
          const before = process.cpuUsage();
          dialledNumber(text);
          const { user, system } = process.cpuUsage(before);
          return (user + system) / 1_000;
        });
        return Math.min(...runs);
      };
      // One comparison may meet the garbage collector; quadratic time, 64 times as much, fails all.
      const compared: [number, number][] = [];
      do compared.push([time(20_000), time(160_000)]);
      while (compared.length < 5 && !compared.some(isLinear));
      assert.ok(compared.some(isLinear), `${start}${piece}: ${compared.join('; ')} ms`);
    }
  }
});
