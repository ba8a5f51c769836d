import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { requestRecovery } from '../src/domain/account/recovery.ts';
import { smtpTransport } from '../src/mail/transport.ts';
import { watchDelays } from './support/delays.ts';
import { freePort } from './support/free-port.ts';
import { linkIn, startService, submit, type TestService } from './support/service.ts';
import { waitUntil } from './support/wait.ts';

const FROM = '"VoIP Example" <no-reply@voip.example.com>';

interface Delivered {
  /** of the SMTP envelope */
  from: string;
  to: string[];
  mail: ParsedMail;
}

interface MailServer {
  port: number;
  delivered: Delivered[];
  /** answers to the next delivery attempts, such as `451`; afterwards it accepts mails */
  refuseWith: number[];
  stop: () => Promise<void>;
}

/** A real SMTP server. @param port 0: any free one */
async function startMailServer(port = 0): Promise<MailServer> {
  const delivered: Delivered[] = [];
  const refuseWith: number[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    // The service keeps connections for later mails; do not wait for them.
    closeTimeout: 100,
    onData: (stream, { envelope }, done) => {
      simpleParser(stream).then((mail) => {
        const code = refuseWith.shift();
        if (code) {
          done(Object.assign(new Error('not now'), { responseCode: code }));
          return;
        }
        const from = envelope.mailFrom ? envelope.mailFrom.address : '';
        delivered.push({ from, to: envelope.rcptTo.map(({ address }) => address), mail });
        done();
      }, done);
    },
  });
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    delivered,
    refuseWith,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

const running: TestService[] = [];
after(() => Promise.all(running.map((api) => api.stop())));

async function startWithMailServer(port: number): Promise<TestService> {
  const transport = smtpTransport(`smtp://127.0.0.1:${port}`);
  const api = await startService({ MAIL_FROM: FROM }, transport);
  running.push({ ...api, stop: () => api.stop().then(() => transport.close()) });
  return api;
}

/** Moves the next attempt of waiting mails to now. */
async function hurry({ service: { db } }: TestService): Promise<void> {
  await db.query("UPDATE pgboss.job SET start_after = now() WHERE state = 'retry'");
}

/** @param states of jobs, such as `created|retry|active` for waiting mails */
async function mailsIn({ service: { db } }: TestService, states: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "SELECT count(*) AS count FROM pgboss.job WHERE name = 'deliver-mail' AND state::text ~ $1",
    [states],
  );
  return row?.count ?? 0;
}

const waiting = (api: TestService) => mailsIn(api, 'created|retry|active');

test('a mail goes by SMTP, as text and as HTML, to its one address', async (t) => {
  const server = await startMailServer();
  t.after(() => server.stop());
  const api = await startWithMailServer(server.port);
  const name = 'Zoë "Z" <evil@example.net>, Söhne; b@example.net';
  const { body } = await api.call('signup', { name, email: "o'neil@example.com" });
  await waitUntil(() => server.delivered.length > 0);
  const [{ from, to, mail }] = server.delivered as [Delivered];
  assert.equal(from, 'no-reply@voip.example.com');
  assert.deepEqual(to, ["o'neil@example.com"]);
  assert.deepEqual(mail.from?.value, [
    { name: 'VoIP Example', address: 'no-reply@voip.example.com' },
  ]);
  assert.ok(mail.to && !Array.isArray(mail.to));
  assert.deepEqual(mail.to.value, [{ name: '', address: "o'neil@example.com" }]);
  assert.equal(mail.headers.get('auto-submitted'), 'auto-generated');
  assert.match(mail.subject ?? '', /Verify your e-mail address/);
  const link = linkIn(mail, 'verify');
  assert.ok(mail.text?.includes(String(body.account.username)));
  assert.ok(typeof mail.html === 'string' && mail.html.includes(`href="${link}"`));
  assert.equal((await submit(link)).status, 200);

  await requestRecovery(api.service.db, api.service.queue, "o'neil@example.com");
  await waitUntil(() => server.delivered.length > 1);
  const recovery = server.delivered[1];
  assert.deepEqual(recovery?.to, ["o'neil@example.com"]);
  assert.ok(recovery.mail.to && !Array.isArray(recovery.mail.to));
  assert.deepEqual(recovery.mail.to.value, [{ name, address: "o'neil@example.com" }]);
  assert.ok(typeof recovery.mail.html === 'string');
  assert.ok(!recovery.mail.html.includes('<evil@'), 'a name is no HTML');
});

test('what the mail server refuses is tried again, and delivered once', async (t) => {
  const server = await startMailServer();
  t.after(() => server.stop());
  const api = await startWithMailServer(server.port);
  for (const code of [421, 451, 552, 550]) {
    server.refuseWith.push(code);
    const email = `refused-${code}@example.com`;
    assert.equal((await api.call('signup', { name: 'x', email })).status, 200);
    await waitUntil(async () => (await mailsIn(api, 'retry')) > 0);
    assert.equal(server.refuseWith.length, 0);
    const own = () => server.delivered.filter(({ to }) => to.includes(email));
    assert.equal(own().length, 0);
    await waitUntil(async () => {
      await hurry(api);
      return own().length > 0;
    });
    await waitUntil(async () => (await waiting(api)) === 0);
    assert.equal(own().length, 1);
    assert.ok(linkIn(own()[0]?.mail, 'verify'));
  }
  assert.match(api.logged(), /mail not delivered/);
});

test('a mail server that is down keeps nobody waiting, and gets the mails when it is up', async (t) => {
  const port = await freePort();
  const api = await startWithMailServer(port);
  const email = 'down@example.com';
  const busyMs = watchDelays();
  const started = performance.now();
  assert.equal((await api.call('signup', { name: 'x', email })).status, 200);
  assert.equal((await api.call('recover', { email })).status, 200);
  assert.ok(performance.now() - started < 3_000 + busyMs());
  await waitUntil(async () => (api.logged().match(/mail not delivered/g) ?? []).length >= 2);
  assert.equal(await waiting(api), 2);
  const server = await startMailServer(port);
  t.after(() => server.stop());
  await waitUntil(async () => {
    await hurry(api);
    return server.delivered.length >= 2 && (await waiting(api)) === 0;
  });
  const subjects = server.delivered.map(({ mail }) => mail.subject).sort();
  assert.deepEqual(subjects, [
    'Reset your Account API password',
    'Verify your e-mail address for Account API',
  ]);
  const ids = new Set(server.delivered.map(({ mail }) => mail.messageId));
  assert.equal(ids.size, 2);
});

test('a mail that is given up is counted and not lost', async (t) => {
  const server = await startMailServer();
  t.after(() => server.stop());
  const api = await startWithMailServer(server.port);
  server.refuseWith.push(...new Array(20).fill(550));
  const email = 'gone@example.com';
  assert.equal((await api.call('signup', { name: 'x', email })).status, 200);
  await waitUntil(async () => {
    await hurry(api);
    return (await mailsIn(api, 'failed')) === 1;
  });
  assert.equal(server.refuseWith.length, 20 - 17, 'sixteen tries after the first');
  assert.equal(await waiting(api), 0);
});

test('without a mail server mails are private files, whole or not there', async () => {
  const api = await startService();
  running.push(api);
  const { email } = await api.signUp();
  const [mail] = await api.mails(email);
  assert.ok(linkIn(mail, 'verify'));
  const folder = join(api.folder, 'mail');
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  for (const name of await readdir(folder)) {
    assert.match(name, /^[0-9a-f-]{36}\.eml$/);
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
  }
});
