import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.ts';
import { parseStrictJson } from './strict-json.ts';

const parse = (text: string) => parseStrictJson(Buffer.from(text));

test('what is JSON with each member once is read as JSON.parse reads it', () => {
  const members = fc.json().filter((text) => !/\\u(0000|d[89a-f])/i.test(text));
  fc.assert(
    fc.property(members, (text) => {
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
  const spaced = '{ "a" : { "b:" : ":\\"" } ,\n"c"\t:[ {"a":1} , {"a":2} ] , "__proto__":1 }';
  assert.deepEqual(parse(spaced), JSON.parse(spaced));
});

test('a member that is there twice is refused, however it is written', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1 , "a" : 1}',
    '[{"a":1},{"b":{"c":1,"d":"\\"","c":2}}]',
    '{"a/":1,"a\\/":2}',
    '{"a":1,"\\u0061":2}',
    '{"a":{},"b":{"x":1,"x":2}}',
    '{"__proto__":1,"__proto__":2}',
    '{"1":1,"1":2}',
  ]) {
    assert.throws(() => parse(text), { message: 'The body has a member twice' }, text);
  }
  assert.deepEqual(parseStrictJson(Buffer.from('{"a":1,"a":2}'), { repeatable: new Set(['a']) }), {
    a: 2,
  });
});

test('NUL and half a surrogate pair are refused', () => {
  for (const text of ['{"a":"\\u0000"}', '["\\ud83d"]', '{"\\udE00":1}', '"\\u0000"']) {
    const refusal = { message: 'The body has a character that no text can have' };
    assert.throws(() => parse(text), refusal, text);
  }
  assert.equal(parse('"\\ud83d\\ude00"'), '😀');
});
