import type { Command } from 'commander';
import { currentKey } from '../domain/access/api-key.ts';
import { changeAccount } from '../domain/account/account.ts';
import {
  describeAccount,
  listServices,
  ownerOfNumber,
} from '../domain/account/account-directory.ts';
import { renewPassword } from '../domain/account/credentials.ts';
import { addAccount, NO_LIMITS } from '../domain/account/new-account.ts';
import { addNumber, addService } from '../domain/billing/recurring-charge.ts';
import { postByHand } from '../domain/books/ledger.ts';
import { addFeed, type Feed, listFeeds } from '../domain/calls/feed.ts';
import { Refusal } from '../domain/refusal.ts';
import { reportContacts } from '../domain/sip/reported-contact.ts';
import { unpack } from '../ingest/bodies/unpack.ts';
import { takeIn } from '../ingest/take-in.ts';
import type { OpenService } from '../open-service.ts';
import { notedAddress } from '../service-address.ts';
import { demoCalls } from './demo-calls.ts';
import { operator, perform, withExample } from './operation.ts';
import { fields } from './print.ts';
import { startProgress } from './progress.ts';

const FEED: Feed = {
  name: 'demo',
  format: 'generic',
  networks: [],
  debits: 'service',
  timeZone: 'UTC',
};
const RATE = '0.0125';
const CREDIT = '50';
const NUMBER_MONTHLY = '1';
const CALLS_AT_ONCE = 50;
const REGISTERED_MS = 30 * 86_400_000;
// The accounts are older than their first call.
const AGE_MS = 31 * 86_400_000;
const PAYER = 2125550100;

interface Member {
  username: number;
  name: string;
  email: string;
  ip: string;
  services: [description: string, monthly: string][];
}

// These names, numbers and addresses are reserved for examples.
const MEMBERS: Member[] = [
  {
    username: PAYER,
    name: 'Example Company',
    email: 'demo@example.com',
    ip: '192.0.2.10',
    services: [
      ['E911', '1.50'],
      ['Voicemail', '2'],
    ],
  },
  {
    username: 2125550101,
    name: 'Example Company Sales',
    email: 'demo-sales@example.com',
    ip: '192.0.2.11',
    services: [['E911', '1.50']],
  },
  {
    username: 2125550102,
    name: 'Example Company Support',
    email: 'demo-support@example.com',
    ip: '192.0.2.12',
    services: [['Call recording', '4.95']],
  },
];

/**
 * `demo`: three accounts with a payment and 30 days of calls. An interrupted run is completed by
 * the next one; after that, nothing changes.
 */
export function demoCommand(on: Command): void {
  withExample(on, 'demo');
  perform(on, async (service, options: { json?: true }) => {
    const { db, keyring, clock, config } = service;
    // The feed comes last, so the next run completes an interrupted one.
    if ((await listFeeds(db)).some(({ name }) => name === FEED.name)) return unchanged();
    const passwords: (string | undefined)[] = [];
    for (const member of MEMBERS) passwords.push(await ensureMember(service, member));
    const { createdAt } = await describeAccount(db, PAYER);
    await postByHand(db, operator(), {
      account: PAYER,
      kind: 'payment',
      amount: CREDIT,
      reason: 'Example payment',
      reference: 'demo',
      at: createdAt,
    });
    const calls = await deliverCalls(service, createdAt, options);
    const secret = await addFeed(db, operator(), { keyring, now: clock() }, FEED);
    const credentials = await credentialsOf(service, passwords[0]);
    const feed = { user: FEED.name, secret };
    const created = { username: PAYER, ...credentials, feed, calls, url: notedAddress(config) };
    return {
      json: { changed: true, ...created },
      text: demoText(created, clock()),
    };
  });
}

function unchanged() {
  return {
    json: { changed: false, username: PAYER },
    text:
      `Nothing changed: the example accounts are there already.\n` +
      `A new password and API key for them: npx account-api account password ${PAYER}`,
  };
}

/** @param password of the account that pays; undefined if an earlier run made the account */
async function credentialsOf(
  { db, keyring, queue, clock }: OpenService,
  password: string | undefined,
): Promise<{ password: string; apikey: string }> {
  if (!password) return renewPassword(db, operator(), { keyring, queue, now: clock() }, PAYER);
  return { password, apikey: await currentKey(db, keyring, PAYER, password) };
}

/** @returns the password if the account is new */
async function ensureMember(
  { db, keyring, queue, config, clock }: OpenService,
  member: Member,
): Promise<string | undefined> {
  const { username, name, email, services } = member;
  const account = { name, email, username, masterAccount: PAYER, role: 'customer' } as const;
  const now = clock();
  const since = new Date(now.getTime() - AGE_MS);
  let password: string | undefined;
  try {
    ({ password } = await addAccount(db, operator(), keyring, {
      ...account,
      rate: RATE,
      limits: NO_LIMITS,
      sipRealm: config.sipRealm,
      now: since,
    }));
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'conflict') throw error;
    const found = await describeAccount(db, username);
    if (found.email !== email) {
      throw new Refusal('conflict', `${username} is an account of someone else; nothing was done`);
    }
  }
  const number = String(username);
  await changeAccount(db, operator(), { queue, now }, username, { callerId: number });
  if ((await listServices(db, username)).length === 0) {
    for (const [description, monthly] of services) {
      await addService(db, operator(), { account: username, description, monthly }, since);
    }
  }
  if ((await ownerOfNumber(db, number)) === undefined) {
    const assigned = { account: username, number, monthly: NUMBER_MONTHLY };
    await addNumber(db, operator(), assigned, since);
  }
  await reportContacts(db, [
    {
      user: String(username),
      contact: `sip:${username}@${member.ip}:5060`,
      received: undefined,
      userAgent: 'Example Phone 1.0',
      reportedAt: now,
      expiresAt: new Date(now.getTime() + REGISTERED_MS),
    },
  ]);
  return password;
}

/** Stores the calls like a delivery from a switch. @returns the number of calls */
async function deliverCalls(
  { db, clock, config }: OpenService,
  since: Date,
  options: { json?: true },
): Promise<number> {
  const callers = MEMBERS.map(({ username, ip }) => ({ username, ip, number: String(username) }));
  const lines = demoCalls(callers, new Date(since.getTime() + AGE_MS));
  const progress = startProgress('calls', lines.length, options);
  for (let done = 0; done < lines.length; done += CALLS_AT_ONCE) {
    const body = Buffer.from(lines.slice(done, done + CALLS_AT_ONCE).join('\n'));
    const { retentionMonths, emergencyNumbers } = config;
    await takeIn(db, FEED, await unpack(body), { now: clock(), retentionMonths, emergencyNumbers });
    progress.update(Math.min(done + CALLS_AT_ONCE, lines.length));
  }
  progress.stop();
  return lines.length;
}

function demoText(
  demo: {
    username: number;
    password: string;
    apikey: string;
    feed: { secret: string };
    calls: number;
    url: string;
  },
  now: Date,
): string {
  const seconds = Math.floor(now.getTime() / 1_000);
  const ask = (operation: string, body?: object) =>
    `  curl -X POST -H 'Authorization: Bearer ${demo.apikey}' ` +
    `${body ? `-H 'Content-Type: application/json' --data '${JSON.stringify(body)}' ` : ''}` +
    `${demo.url}/v2.1/account/${operation}/`;
  const call = {
    id: `demo-${seconds}`,
    account: PAYER,
    start: seconds - 60,
    duration: 40,
    cid: String(PAYER),
    dst: '4155550123',
  };
  const [payer, ...others] = MEMBERS;
  return `${payer?.name} and its sub-accounts ${others.map(({ username }) => username).join(' and ')} \
have ${demo.calls} calls of the last 30 days. Shown this once:
${fields([
  ['Username', demo.username],
  ['Password', demo.password],
  ['API key', demo.apikey],
])}
Ask, while the service runs (npm start):
${ask('info')}
${ask('cdr', { end: seconds - 30 * 86_400 })}
${ask('mrc')}
${ask('registration')}
Deliver a call, as a switch does:
  curl -u '${FEED.name}:${demo.feed.secret}' --data '${JSON.stringify(call)}' ${demo.url}/ingest/v1/calls/generic`;
}
