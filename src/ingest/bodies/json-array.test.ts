import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../../test/support/properties.ts';
import { MemberScanner, membersOf } from './json-array.ts';

test('members are what JSON says they are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.json(), { maxLength: 6 }),
      fc.constantFrom('', ' ', '\n\t'),
      (members, blank) => {
        const body = Buffer.from(
          `${blank}[${blank}${members.join(`${blank},${blank}`)}${blank}]${blank}`,
        );
        const found = [...membersOf(body)];
        assert.deepEqual(
          found.map(({ bytes }) => JSON.parse(bytes.toString())),
          JSON.parse(body.toString()),
        );
        for (const { bytes, start } of found) {
          assert.ok(body.subarray(start, start + bytes.length).equals(bytes));
        }
      },
    ),
  );
});

test('in whatever chunks the bytes come, the same positions are found', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', 'a', ' ', '\n') }),
      fc.integer({ min: 1, max: 7 }),
      (text, size) => {
        const positions = (chunks: Buffer[]) => {
          const scanner = new MemberScanner();
          let before = 0;
          return chunks.flatMap((chunk) => {
            const found: number[] = [];
            for (let at = scanner.next(chunk, 0); at !== -1; at = scanner.next(chunk, at + 1)) {
              found.push(before + at);
            }
            before += chunk.length;
            return found;
          });
        };
        const body = Buffer.from(`[${text}`);
        const chunks: Buffer[] = [];
        for (let at = 0; at < body.length; at += size) chunks.push(body.subarray(at, at + size));
        assert.deepEqual(positions(chunks), positions([body]));
      },
    ),
  );
});

test('of damaged arrays no byte is lost but blanks, commas and brackets', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', 'a', ' ') }),
      (text) => {
        const kept = [...membersOf(Buffer.from(`[${text}`))].map(({ bytes }) => bytes.toString());
        const letters = (all: string) => all.replaceAll(/[^a]/g, '').length;
        assert.equal(letters(kept.join('')), letters(text));
      },
    ),
  );
});

test('arrays may follow each other, and a stray bracket ends none', () => {
  const members = (text: string) =>
    [...membersOf(Buffer.from(text))].map(({ bytes }) => bytes.toString());
  assert.deepEqual(members('[1, 2]\n[3]\n'), ['1', '2', '3']);
  assert.deepEqual(members('[{"a": 1}}, 2] x, [4]'), ['{"a": 1}}', '2', 'x', '[4]']);
});
