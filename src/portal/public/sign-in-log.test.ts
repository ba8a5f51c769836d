import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOTP } from 'otpauth';
import { post, sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { waitUntil } from '../../../test/support/wait.ts';

const api = sharedService();

/** The logged sign-ins, without the common members of all log lines. */
const attempts = () =>
  api
    .logged()
    .split('\n')
    .filter((line) => line.includes('"msg":"sign-in"'))
    .map((line) => {
      const { level, account, result, factor, for: purpose, address } = JSON.parse(line);
      return { level, account, result, factor, for: purpose, address };
    });

async function tryToSignIn(login: string, password: string): Promise<Visitor> {
  const visitor = new Visitor(api.url);
  await visitor.open('/sign-in');
  await visitor.submit('/sign-in', { login, password });
  return visitor;
}

test('each attempt is logged with account, result and factor, and never with what was typed', async () => {
  const { username, password, email } = await api.signUp();
  const common = { account: username, factor: 'password', address: '127.0.0.1' };
  const typed = 'a-password-in-the-wrong-field';
  const visitor = await tryToSignIn(email, password);
  await tryToSignIn(String(username), 'not the password');
  await tryToSignIn(typed, password);
  await visitor.open('/settings/second-factor');
  const begun = await visitor.submitAndFollow('/settings/second-factor', { current: password });
  const secret = /<pre id="secret"[^>]*><code>([^<]*)</.exec(begun.body)?.[1] ?? '';
  const code = () => new TOTP({ secret }).generate({ timestamp: api.service.clock().getTime() });
  await visitor.submitAndFollow('/settings/second-factor/confirm', { code: code() });
  api.advance(30);
  const again = await tryToSignIn(String(username), password);
  await again.submit('/sign-in/code', { code: '000000' });
  await again.submit('/sign-in/code', { code: code() });
  for (const given of [password, 'wrong']) {
    await post(`${api.url}/v2.1/account/apikey/`, { username, password: given });
  }
  const passed = { ...common, level: 30, result: 'passed' };
  const failed = { ...common, level: 40, result: 'failed' };
  await waitUntil(() => attempts().length >= 10);
  assert.deepEqual(attempts(), [
    // by the tests' own sign-up
    { ...passed, for: 'api key' },
    { ...passed, for: 'portal' },
    { ...failed, for: 'portal' },
    { ...failed, account: undefined, for: 'portal' },
    { ...passed, for: 'confirmation' },
    { ...passed, for: 'portal' },
    { ...failed, factor: 'second factor', for: 'portal' },
    { ...passed, factor: 'second factor', for: 'portal' },
    { ...passed, for: 'api key' },
    { ...failed, for: 'api key' },
  ]);
  assert.ok(!api.logged().includes(typed));
});
