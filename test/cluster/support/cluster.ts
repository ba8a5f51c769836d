import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Promises } from '../../support/promises.ts';
import { addGenericFeed, runCommand } from '../../support/server.ts';
import { post } from '../../support/service.ts';
import { waitUntil } from '../../support/wait.ts';
import { FRONT, openNetwork } from './machine.ts';
import { Nodes } from './nodes.ts';
import { newKeyFile, ServiceMachine, startFront } from './services.ts';
import { Traffic } from './traffic.ts';

export const URL_OF_FRONT = `http://${FRONT}`;
const CUSTOMERS = 4;
export const CALLS_AT_ONCE = 3;

/** The whole of docs/high-availability.md on one machine. */
export interface Cluster {
  folder: string;
  nodes: Nodes;
  services: [ServiceMachine, ServiceMachine];
  promises: Promises;
  traffic: () => Traffic;
  /** asks for a call of an account that may make three at once; @returns the answer's status */
  askLimited: () => Promise<number>;
  /** has everything run and connected again, whatever a test left, and waits until it is whole */
  mend: () => Promise<void>;
  /** stops the traffic and compares everything acknowledged with the primary */
  settle: (traffic: Traffic) => Promise<void>;
  end: () => void;
}

export async function buildCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'account-api-cluster-'));
  chmodSync(folder, 0o755);
  openNetwork();
  const nodes = new Nodes(folder);
  await nodes.build();
  const keyFile = newKeyFile(folder);
  const at = (n: number) => ({ name: `app${n}`, address: `192.0.2.2${n}`, parent: folder });
  const services: Cluster['services'] = [
    new ServiceMachine(at(1), 'haproxy', keyFile),
    new ServiceMachine(at(2), 'pgbouncer', keyFile),
  ];
  await Promise.all(services.map((machine) => machine.startProxies()));
  await Promise.all(services.map((machine) => machine.startService()));
  await startFront(folder);
  const { url } = await nodes.primary();
  const env = { DATABASE_URL: url, SECRET_KEY_FILE: keyFile };
  const command = join(folder, 'command');
  const feed = await addGenericFeed(command, env);
  const args = ['operator-key', 'create', 'billing', '--scopes', 'ledger:write'];
  const { secret } = await runCommand<{ secret: string }>(command, args, env);
  const promises = new Promises(feed);
  await promises.open(URL_OF_FRONT, CUSTOMERS);
  const [{ username, password } = { username: 0, password: '' }] = promises.signups;
  const login = await post(`${URL_OF_FRONT}/v2.1/account/apikey/`, { username, password });
  const headers = {
    feed,
    operator: `Bearer ${secret}`,
    customer: `Bearer ${login.body.apikey}`,
  };
  const limited = await post(`${URL_OF_FRONT}/v2.1/account/signup/`, {
    name: 'Example Company',
    email: 'limited@example.com',
  });
  const limitedAccount = Number(limited.body.account.username);
  const limit = ['account', 'set', String(limitedAccount), '--max-calls', String(CALLS_AT_ONCE)];
  await runCommand(command, limit, env);
  // Enough for all calls and holds of the tests.
  for (const account of [...promises.accounts, limitedAccount]) {
    const path = `${URL_OF_FRONT}/operator/v1/accounts/${account}/ledger-entries`;
    const reference = `deposit of ${account}`;
    const body = { type: 'credit', amount: '5000', reason: 'Deposit', reference };
    assert.equal((await post(path, body, { authorization: headers.operator })).status, 201);
    if (account !== limitedAccount) {
      promises.credits.push({ account, reference, micros: 5_000_000_000n });
    }
  }
  return {
    folder,
    nodes,
    services,
    promises,
    traffic: () => new Traffic(promises, URL_OF_FRONT, headers),
    askLimited: async () => {
      const body = { account: limitedAccount, dst: '2125550123', call_id: randomUUID() };
      const url = `${URL_OF_FRONT}/ingest/v1/authorize`;
      return (await post(url, body, { authorization: feed })).status;
    },
    mend: async () => {
      await Promise.all(nodes.all.map((node) => node.boot()));
      await nodes.untilWhole();
      await Promise.all(services.map((machine) => machine.boot()));
    },
    settle: async (traffic) => {
      await traffic.stop();
      const { url } = await nodes.primary();
      await promises.assertKept({ connectionString: url });
      await traffic.assertHolds(url);
      // A replica that was promoted, or follows no more, would not show the last calls.
      const theirs = [...promises.acknowledged.values()].filter(
        ({ account }) => account === username,
      );
      await waitUntil(async () => {
        const url = `${URL_OF_FRONT}/v2.1/account/cdr/`;
        const { body } = await post(url, undefined, { authorization: headers.customer });
        return body.cdr?.length === theirs.length;
      });
    },
    end: () => {
      for (const machine of [...nodes.all, ...services]) machine.crash();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
