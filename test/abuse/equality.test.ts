import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeAccount } from '../../src/domain/account/account.ts';
import { TESTER } from '../support/service.ts';
import { type Visited, Visitor } from '../support/visitor.ts';
import { startTarget } from './support.ts';

const target = startTarget();

/** A page without the parts that differ per request and without the entered text. */
function bare(page: Visited, entered: string): object {
  const body = page.body
    .replaceAll(/name="form_token" value="[^"]*"/g, 'name="form_token"')
    .replaceAll(entered, 'ENTERED')
    .replaceAll(encodeURIComponent(entered), 'ENTERED');
  const cookies = page.headers.getSetCookie().map((line) => line.replace(/=[^;]*/, '='));
  return { status: page.status, location: page.location, cookies, body };
}

/** Opens a page and sends its form, each time with a new browser. */
async function submitted(path: string, fields: Record<string, string>): Promise<Visited> {
  const visitor = new Visitor(target.api.url);
  await visitor.open(path);
  const answer = await visitor.submit(path, fields);
  if (!answer.location) return answer;
  const next = await visitor.open(answer.location);
  return { ...next, location: answer.location };
}

async function closedAccount() {
  const closed = await target.api.signUp();
  await closeAccount(target.api.service.db, TESTER, closed.username, target.api.service.clock());
  return closed;
}

test('the sign-in page tells unknown, closed and wrong alike', async () => {
  const { victim } = target;
  const closed = await closedAccount();
  const attempts: [string, string][] = [
    [String(victim.username), 'a wrong password'],
    [victim.email, 'a wrong password'],
    ['4592086960', 'a wrong password'],
    ['nobody@example.com', 'a wrong password'],
    [String(closed.username), closed.password],
    [closed.email, closed.password],
    [String(victim.username), 'x'.repeat(10_000)],
    ['nobody at all', 'x'],
  ];
  const answers: object[] = [];
  for (const [login, password] of attempts) {
    answers.push(bare(await submitted('/sign-in', { login, password }), login));
  }
  for (const [n, answer] of answers.entries()) {
    assert.deepEqual(answer, answers[0], `${attempts[n]?.[0]}`);
  }
});

test('the pages that send mail tell known and unknown addresses alike', async () => {
  const { victim } = target;
  const closed = await closedAccount();
  for (const path of ['/recover', '/verify/again', '/sign-up']) {
    const answers: object[] = [];
    for (const email of [victim.email, 'nobody@example.com', closed.email]) {
      const fields = { email, name: 'Someone', promo: '' };
      answers.push(bare(await submitted(path, fields), email));
    }
    assert.deepEqual(answers[1], answers[0], path);
    assert.deepEqual(answers[2], answers[0], path);
  }
});

test('recover tells known and unknown addresses alike', async () => {
  const { victim } = target;
  const closed = await closedAccount();
  for (const email of [victim.email, 'nobody@example.com', closed.email]) {
    const { status, body } = await target.api.call('recover', { email });
    assert.equal(status, 200);
    assert.deepEqual(body, {
      statusCode: '200',
      status: 'Success',
      message: `Please check your email (${email}) for details`,
    });
  }
});
