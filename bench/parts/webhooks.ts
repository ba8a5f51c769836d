import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { changeEndpoint, createEndpoint } from '../../src/domain/webhook/endpoint.ts';
import { makeAccounts, settle } from '../data.ts';
import { atLeast, type Figure, figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import { batchesOf, deliver, makeFeed } from '../workloads.ts';

const ACTOR = { who: 'bench', from: 'bench' };
const ACCOUNTS = 2_000;
const CALLS = 40_000;
const BATCH = 1_000;
const AT_ONCE = 4;
const LEAST = 0.95;

// One account of so many has an event in each measurement: its balance falls below the threshold.
const SHARES = [50, 1];
const NEARLY_LOW = `UPDATE balance b SET cash = a.notify_threshold
    + CASE WHEN b.account % $1 = 0 THEN 0.01 ELSE 1000000 END
  FROM account a WHERE a.username = b.account`;

/** Ingest while an endpoint gets all events, compared with ingest without an endpoint. */
export const webhooks: Part = async (stage, { rounds, quick }) => {
  const { db, keyring } = stage;
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: ACCOUNTS });
  // Mails are not measured here.
  await db.query('UPDATE account SET notify = false');
  await settle(stage);
  const usernames = accounts.map(({ username }) => username);
  const authorization = await makeFeed(stage);
  let received = 0;
  const receiver = createServer((request, response) => {
    received++;
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const settings = { url, types: ['*'], accounts: [], description: 'bench', enabled: false };
  const { endpoint } = await createEndpoint(db, ACTOR, { keyring, now: new Date() }, settings);
  const service = await stage.startService({ WEBHOOK_ALLOW: '127.0.0.1' });
  const count = CALLS / (quick ? 4 : 1);
  const rate = (share: number, enabled: boolean) => async () => {
    await changeEndpoint(db, ACTOR, { id: endpoint.id, changes: { enabled } }, new Date());
    await db.query(NEARLY_LOW, [share]);
    const batches = batchesOf(count, BATCH, usernames);
    return deliver(stage, service.port, authorization, batches, AT_ONCE);
  };
  const figures: Figure[] = [];
  for (const share of SHARES) {
    received = 0;
    const measures = { without: rate(share, false), with: rate(share, true) };
    const values = await interleave(rounds, measures);
    const every = (share * count) / ACCOUNTS;
    figures.push(
      figure({
        part: 'webhooks',
        name: `calls, ${BATCH} a batch, ${AT_ONCE} at once, an event in ${every}, sent: ${received}`,
        ours: values.with,
        limit: values.without,
        limitName: 'the same without an endpoint',
        unit: 'calls/s',
        // An account crosses its threshold once in hundreds of calls, not once in twenty.
        ...(share > 1 ? { target: atLeast(LEAST) } : {}),
      }),
    );
  }
  await service.stop();
  receiver.close();
  return { figures, leftOut: [] };
};
