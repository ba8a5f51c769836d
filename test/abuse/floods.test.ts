import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visitor } from '../support/visitor.ts';
import { startTarget } from './support.ts';

const target = startTarget({ RECOVER_LIMIT_PER_HOUR: '0' });
const POSTS = 1_000;
const AT_ONCE = 20;
const TIMES_SLOWER = 10;
const TRIES = 3;
// A shorter idle time is mostly chance.
const LEAST_IDLE_MS = 200;

/** How long a customer waits for a requested mail. */
async function mailTime(): Promise<number> {
  const { api } = target;
  const { email } = await api.signUp();
  await api.mails(email);
  const asking = new Visitor(api.url);
  await asking.open('/verify/again');
  const began = performance.now();
  assert.equal((await asking.submit('/verify/again', { email })).status, 200);
  await api.mails(email, 2);
  return performance.now() - began;
}

test('a customer who has mails sent again and again delays no mail to another', async () => {
  const { api, attacker } = target;
  const browser = new Visitor(api.url);
  await browser.open('/sign-in');
  await browser.submit('/sign-in', {
    login: String(attacker.username),
    password: attacker.password,
  });
  const { body } = await browser.open('/overview');
  const [, form = ''] =
    /action="\/settings\/verification"[^>]*>([\s\S]*?)<\/form>/.exec(body) ?? [];
  const fields = Object.fromEntries(
    [...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  let posted = 0;
  const flood = async () => {
    while (posted < POSTS) {
      posted++;
      const { location } = await browser.post('/settings/verification', fields);
      assert.equal(location, '/overview');
    }
  };
  // On a busy machine one comparison may fail; a flood that delays others fails all of them.
  const slow: string[] = [];
  for (let tries = 0; tries < TRIES; tries++) {
    const idle = await mailTime();
    posted = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, flood));
    const flooded = await mailTime();
    if (flooded < TIMES_SLOWER * Math.max(idle, LEAST_IDLE_MS)) break;
    slow.push(`${flooded} ms, where an idle service takes ${idle} ms`);
  }
  assert.ok(slow.length < TRIES, slow.join('; '));
  assert.equal((await api.mails(attacker.email)).length <= 3, true);
  const audited = await api.service.db.query('SELECT 1 FROM audit_entry WHERE account = $1', [
    attacker.username,
  ]);
  assert.deepEqual(audited, []);
});
