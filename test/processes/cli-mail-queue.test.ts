import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { listMails } from '../../src/domain/account/mail-queue.ts';
import type { MailTransport, OutgoingMail } from '../../src/mail/transport.ts';
import { runCommand } from '../support/command.ts';
import { startService, type TestService } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';
import { waitUntil } from '../support/wait.ts';

let api: TestService;
let isDown = true;
const delivered: OutgoingMail[] = [];
// A mail server that is down, without waiting times.
const transport: MailTransport = {
  send: async (mail) => {
    if (isDown) throw new Error('connect ECONNREFUSED 192.0.2.25:25');
    delivered.push(mail);
  },
  close: () => undefined,
};
before(async () => {
  api = await startService({}, transport);
});
after(() => api.stop());

const withoutWhen = ({ id, queuedAt, nextTryAt, ...mail }: Record<string, unknown>) => {
  assert.ok(id && queuedAt && nextTryAt);
  return mail;
};

test('mails that were given up are listed, dropped and sent after all', async () => {
  const { db, queue } = api.service;
  assert.deepEqual(await sharedJson(api.env, 'mail', 'list'), { mails: [], next: null });
  const [one, other, third] = [await api.signUp(), await api.signUp(), await api.signUp()];
  const tried = async (which: 'parked' | 'waiting') =>
    (await listMails(queue, which, { limit: 9 })).filter(({ tries }) => tries > 0).length;
  await waitUntil(async () => (await tried('waiting')) === 3);
  const { mails: waiting } = await sharedJson(api.env, 'mail', 'list', '--waiting');
  const failure = 'connect ECONNREFUSED 192.0.2.25:25';
  assert.ok(waiting.every(({ tries }: { tries: number }) => tries >= 1));
  assert.deepEqual(
    waiting.map((mail: object) => withoutWhen({ ...mail, tries: 1 })),
    [
      { to: one.email, kind: 'verification', tries: 1, failure },
      { to: other.email, kind: 'verification', tries: 1, failure },
      { to: third.email, kind: 'verification', tries: 1, failure },
    ],
  );

  await waitUntil(async () => {
    await db.query(
      `UPDATE pgboss.job SET retry_count = retry_limit - 1, start_after = now()
       WHERE name = 'deliver-mail' AND state = 'retry'`,
    );
    return (await tried('parked')) === 3;
  });
  const listed = await runCommand(api.env, 'mail', 'list');
  const { mails } = await sharedJson(api.env, 'mail', 'list', '--limit', '2');
  assert.deepEqual(mails.map(withoutWhen), [
    { to: one.email, kind: 'verification', tries: 17, failure },
    { to: other.email, kind: 'verification', tries: 17, failure },
  ]);
  assert.match(listed.stdout, /^ID {2}.*\n([0-9a-f-]{36} .*ECONNREFUSED 192.0.2.25:25\n){3}$/);
  assert.ok(!/token/.test(listed.stdout + JSON.stringify(mails)));

  isDown = false;
  const [first, second] = mails as { id: string }[];
  assert.deepEqual(await sharedJson(api.env, 'mail', 'drop', first?.id ?? ''), {
    dropped: [first?.id],
  });
  const again = await runCommand(api.env, 'mail', 'drop', first?.id ?? '');
  assert.deepEqual(again, {
    status: 1,
    stdout: '',
    stderr: `account-api: no mail ${first?.id} was given up\n`,
  });
  const { retried } = await sharedJson(api.env, 'mail', 'retry', '--all');
  assert.equal(retried[0], second?.id);
  await waitUntil(() => delivered.length === 2);
  assert.deepEqual(delivered.map(({ to }) => to.address).sort(), [other.email, third.email].sort());
  assert.deepEqual(await sharedJson(api.env, 'mail', 'list'), { mails: [], next: null });
  const none = await runCommand(api.env, 'mail', 'retry');
  assert.deepEqual(none, {
    status: 2,
    stdout: '',
    stderr: 'account-api: name the mails by their ids, or say --all\n',
  });
});
