import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ArrayCutter, cutArray } from './json-array.ts';

test('members are what JSON says they are, in whatever pieces the bytes come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.json(), { maxLength: 6 }),
      fc.constantFrom('', ' ', '\n\t'),
      fc.integer({ min: 1, max: 7 }),
      (members, blank, size) => {
        const body = Buffer.from(
          `${blank}[${blank}${members.join(`${blank},${blank}`)}${blank}]${blank}`,
        );
        const cutter = new ArrayCutter();
        const cut = [];
        for (let at = 0; at < body.length; at += size) {
          cut.push(...cutter.push(body.subarray(at, at + size)));
        }
        assert.deepEqual(
          cut.map(({ bytes }) => JSON.parse(bytes.toString())),
          JSON.parse(body.toString()),
        );
        assert.equal(cutter.rest(), undefined);
        for (const { bytes, start } of cut) {
          assert.ok(body.subarray(start, start + bytes.length).equals(bytes));
        }
      },
    ),
  );
});

test('of damaged arrays no byte is lost but blanks, commas and brackets', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', 'a', ' ') }),
      (text) => {
        const { members, rest } = cutArray(Buffer.from(`[${text}`));
        const kept = [...members, ...(rest ? [rest] : [])].map(({ bytes }) => bytes.toString());
        const letters = (all: string) => all.replaceAll(/[^a]/g, '').length;
        assert.equal(letters(kept.join('')), letters(text));
      },
    ),
  );
});
