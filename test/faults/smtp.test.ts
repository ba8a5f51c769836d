import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';
import { watchDelays } from '../support/delays.ts';
import { embeddedConnection, runCommand, serverEnv } from '../support/server.ts';
import { post } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';
import { waitUntil } from '../support/wait.ts';
import { begin, end } from './support/begin.ts';
import { report } from './support/scale.ts';

const MODES = ['down', 'slow', '4xx', '5xx', 'silent'] as const;
type Mode = (typeof MODES)[number] | 'good';

const ANSWERED_WITHIN_MS = 5_000;
const DELIVERED_WITHIN_MS = 180_000;

/** A mail server with several kinds of failure. */
class MailServer {
  mode: Mode = 'good';
  /** number of mails per address */
  readonly delivered = new Map<string, number>();
  #port = 0;
  readonly #held = new Set<Socket>();
  readonly #smtp: SMTPServer;
  #door: Server | undefined;

  constructor() {
    this.#smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo: async (_address, _session, done) => {
        if (this.mode === 'slow') await sleep(2_000);
        const code = { '4xx': 451, '5xx': 550 }[this.mode as string];
        done(code ? Object.assign(new Error('not now'), { responseCode: code }) : null);
      },
      onData: (stream, session, done) => {
        stream.resume();
        stream.once('end', () => {
          for (const { address } of session.envelope.rcptTo) {
            this.delivered.set(address, (this.delivered.get(address) ?? 0) + 1);
          }
          done();
        });
      },
    });
  }

  /** @returns its port */
  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#smtp.listen(0, '127.0.0.1', resolve));
    await this.become('good');
    return this.#port;
  }

  async become(mode: Mode): Promise<void> {
    this.mode = mode;
    for (const socket of this.#held) socket.destroy();
    this.#door?.close();
    this.#door = undefined;
    if (mode === 'down') return;
    const { port } = this.#smtp.server.address() as AddressInfo;
    this.#door = createServer((client) => {
      this.#held.add(client);
      client.on('error', () => undefined);
      client.once('close', () => this.#held.delete(client));
      if (mode === 'silent') return;
      const inside = connect(port, '127.0.0.1');
      inside.on('error', () => client.destroy());
      client.pipe(inside).pipe(client);
    });
    const door = this.#door;
    await new Promise<void>((resolve) => door.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (door.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await this.become('down');
    await new Promise<void>((resolve) => this.#smtp.close(() => resolve()));
  }
}

test('a mail server that is down, slow, refusing or silent', async (t) => {
  const mail = new MailServer();
  t.after(() => mail.close());
  const port = await mail.start();
  const { dataDir, server, promises } = await begin(t, { SMTP_URL: `smtp://127.0.0.1:${port}` });
  let slowestMs = 0;
  const busyMs = watchDelays();
  for (const mode of MODES) {
    await mail.become(mode);
    for (let n = 0; n < 3; n++) {
      const began = performance.now();
      assert.equal(await promises.signUp(server.url), 200, mode);
      const email = promises.signups.at(-1)?.email;
      assert.equal((await post(`${server.url}/v2.1/account/recover/`, { email })).status, 200);
      slowestMs = Math.max(slowestMs, performance.now() - began);
    }
    await sleep(3_000);
  }
  assert.ok(slowestMs < 2 * ANSWERED_WITHIN_MS + busyMs(), `${slowestMs} ms`);

  // Simulates days of attempts: one mail reaches its last attempt and is parked.
  await mail.become('5xx');
  const last = promises.signups.at(-1)?.email ?? '';
  const client = new pg.Client(embeddedConnection(dataDir));
  await client.connect();
  const lastTry = `UPDATE pgboss.job SET retry_count = retry_limit, start_after = now()
    WHERE name = 'deliver-mail' AND state IN ('created', 'retry') AND data->>'to' = $1`;
  interface Listed {
    mails: { to: string; failure: string }[];
  }
  let parked: Listed = { mails: [] };
  await waitUntil(async () => {
    await client.query(lastTry, [last]);
    parked = await sharedJson(serverEnv(dataDir), 'mail', 'list');
    return parked.mails.length > 0;
  }, DELIVERED_WITHIN_MS);
  assert.equal(parked.mails[0]?.to, last);
  assert.match(parked.mails[0]?.failure ?? '', /not now/);

  await mail.become('good');
  await runCommand(dataDir, ['mail', 'retry', '--all']);
  // Their next attempts would come within minutes; they are moved to now.
  await client.query(
    `UPDATE pgboss.job SET start_after = now() WHERE name = 'deliver-mail' AND state = 'retry'`,
  );
  await waitUntil(
    () => promises.signups.every(({ email }) => (mail.delivered.get(email) ?? 0) >= 1),
    DELIVERED_WITHIN_MS,
  );
  await client.end();
  await promises.assertKept(embeddedConnection(dataDir));
  await end(server);
  const counts = promises.signups.map(({ email }) => mail.delivered.get(email) ?? 0);
  // Each has a verification and a recovery; the first five customers requested no recovery.
  assert.ok(Math.max(...counts) <= 3, `${counts}`);
  report(
    'the mail server down, slow, 4xx, 5xx, silent: requests are answered, each mail arrives once it can, what is given up is listed and can be sent again',
    `${MODES.length} illnesses, ${promises.signups.length} signups`,
    `slowest signup and recover ${(slowestMs / 1_000).toFixed(1)} s; every mail delivered`,
  );
});
