import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings, SETTINGS, WrongSetting } from './settings.ts';

test('what is set has the type of its setting, all else its default', () => {
  const defaults = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, rule]) => [name, rule.default]),
  );
  assert.deepEqual(readSettings({}), defaults);
  const given = { PORT: '0', API_WRITES: 'false', LANGUAGE: 'de', HOST: '::1', UNKNOWN: 'x' };
  assert.deepEqual(readSettings(given), {
    ...defaults,
    PORT: 0,
    API_WRITES: false,
    LANGUAGE: 'de',
    HOST: '::1',
  });
});

test('a wrong value is told with what it must be', () => {
  const port = 'PORT must be a whole number from 0 to 65535 (TCP port)';
  const table: [keyof typeof SETTINGS, string, string][] = [
    ['PORT', 'x', port],
    ['PORT', '65536', port],
    ['PORT', '-1', port],
    ['PORT', '1.5', port],
    ['PORT', '0x10', port],
    [
      'SIGNUP_LIMIT_PER_HOUR',
      '-1',
      'SIGNUP_LIMIT_PER_HOUR must be a whole number from 0 (signup: requests an hour for each address)',
    ],
    [
      'API_WRITES',
      'yes',
      'API_WRITES must be true or false (PUT /v2.2/account changes settings with a key; false: it answers 403)',
    ],
    [
      'LOG_LEVEL',
      'loud',
      'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent (least level that is logged)',
    ],
    [
      'BRAND_COLOR',
      'blue',
      'BRAND_COLOR must match ^#[0-9a-fA-F]{6}$ (colour of buttons and links, such as #1d4ed8)',
    ],
  ];
  for (const [name, text, message] of table) {
    assert.throws(
      () => readSettings({ [name]: text }),
      new WrongSetting(message),
      `${name}=${text}`,
    );
  }
});
