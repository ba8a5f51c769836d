import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandJson, runCommand } from '../../../test/support/command.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { closeAccount } from './account.ts';
import { listStaff, removeFromStaff } from './administrator.ts';

const api = sharedService();

const usernames = async () =>
  (await listStaff(api.service.db, api.service.clock(), api.service.config.sessionLife)).map(
    ({ username }) => username,
  );
const reasonOf = (result: PromiseSettledResult<void>) =>
  result.status === 'rejected' ? result.reason.message : undefined;

test('the last administrator stays, also where all are to go at once', async () => {
  const { db, clock } = api.service;
  for (const leave of [closeAccount, removeFromStaff]) {
    const created = await Promise.all([api.administrator(), api.administrator()]);
    const before = await usernames();
    const results = await Promise.allSettled(
      before.map((username) => leave(db, TESTER, username, clock())),
    );
    const left = await usernames();
    assert.equal(left.length, 1, leave.name);
    assert.deepEqual(results.map(reasonOf).filter(Boolean), [
      `${left[0]} is the last administrator; make another one first, on the page Staff or by npx account-api admin create`,
    ]);
    assert.ok(before.length >= created.length);
  }
});

test('the portal says why the last administrator is not closed', async () => {
  const { db, clock } = api.service;
  const own = await api.administrator();
  for (const username of await usernames()) {
    if (username !== own.username) await removeFromStaff(db, TESTER, username, clock());
  }
  const visitor = await Visitor.signedIn(api.url, own);
  const path = `/admin/accounts/${own.username}`;
  await visitor.open(`${path}/credentials`);
  const answer = await visitor.submit(`${path}/close`, { confirm: String(own.username) });
  assert.equal(answer.status, 400);
  assert.match(answer.body, /is the last administrator; make another one first/);
  assert.deepEqual(await usernames(), [own.username]);
});

test('one who is removed is a customer from then on, with no session and no operation left', async () => {
  const { db, clock } = api.service;
  const [stays, goes] = [await api.administrator(), await api.administrator()];
  await removeFromStaff(db, TESTER, goes.username, clock());
  assert.equal((await usernames()).includes(goes.username), false);
  assert.equal((await usernames()).includes(stays.username), true);
  const add = { name: 'New', username: 2_345_678_901, email: 'new@example.com' };
  const refused = await api.call('add', add, goes.apikey);
  assert.equal(refused.status, 401);
  assert.equal((await api.call('info', {}, goes.apikey)).status, 200);
  await assert.rejects(removeFromStaff(db, TESTER, goes.username, clock()), {
    code: 'not found',
    message: `${goes.username} is not of the staff`,
  });
});

test('admin list tells who they are, and admin remove takes the role away', async () => {
  const [stays, goes] = [await api.administrator(), await api.administrator()];
  const listed = await commandJson(api.env, 'admin', 'list');
  const [entry] = listed.administrators.filter(
    ({ username }: { username: number }) => username === goes.username,
  );
  assert.deepEqual(
    { ...entry, email: undefined, createdAt: undefined },
    {
      username: goes.username,
      name: 'Administrator',
      role: 'administrator',
      secondFactor: false,
      sessions: 0,
      lastSeenAt: null,
      email: undefined,
      createdAt: undefined,
    },
  );
  const removed = await commandJson(api.env, 'admin', 'remove', String(goes.username));
  assert.deepEqual(removed, { username: goes.username });
  const { stdout } = await runCommand(api.env, 'admin', 'list');
  assert.match(
    stdout,
    /^USERNAME +NAME +E-MAIL +ROLE +SECOND FACTOR +SIGNED IN +LAST SEEN +CREATED\n/,
  );
  assert.match(
    stdout,
    new RegExp(
      `^${stays.username} +Administrator +\\S+ +administrator +off +0 +never +\\S+Z$`,
      'm',
    ),
  );
  assert.doesNotMatch(stdout, new RegExp(String(goes.username)));
});
