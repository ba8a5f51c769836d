import { createOperatorKey } from '../../src/domain/access/operator-key.ts';
import { makeAccounts } from '../data.ts';
import { atLeast, figure } from '../figure.ts';
import { getBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import type { HttpProcess } from '../process.ts';
import { headersOf } from '../stage.ts';

const ACCOUNTS = 2_000;
// Eight requests of a key run at once.
const KEYS = 8;
const CONNECTIONS = 64;
// V8 compiles the code of these routes anew for about so long; a service runs for weeks.
const WARM_UP_SECONDS = 15;
const LEAST = 0.3;

/** A GET of an account by the operators' API. */
export const operators: Part = async (stage, { rounds, seconds }) => {
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: ACCOUNTS });
  const secrets = await Promise.all(Array.from({ length: KEYS }, () => makeKey(stage)));
  const service = await stage.startService({ OPERATOR_LIMIT_PER_MINUTE: '1000000' });
  const requests = accounts.map(({ username }, n) =>
    getBytes(`/operator/v1/accounts/${username}`, [`Authorization: Bearer ${secrets[n % KEYS]}`]),
  );
  const example = await fetch(
    `http://127.0.0.1:${service.port}/operator/v1/accounts/${accounts[0]?.username}`,
    { headers: { authorization: `Bearer ${secrets[0]}` } },
  );
  const bare = await stage.startPeer('node-http', {
    HEADERS: JSON.stringify(headersOf(example)),
    BODY: await example.text(),
  });
  const rate =
    ({ port }: HttpProcess) =>
    async () => {
      const job = { kind: 'seconds', port, connections: CONNECTIONS, seconds, requests } as const;
      const outcome = await stage.load.run(job);
      return outcome.requests / outcome.seconds;
    };
  for (let spent = 0; spent < WARM_UP_SECONDS; spent += seconds) await rate(service)();
  const values = await interleave(rounds, { ours: rate(service), bare: rate(bare) });
  await service.stop();
  await bare.stop();
  return {
    figures: [
      figure({
        part: 'operators',
        name: `GET of an account, ${KEYS} keys`,
        ours: values.ours,
        limit: values.bare,
        limitName: 'bare node:http',
        unit: 'requests/s',
        target: atLeast(LEAST),
      }),
    ],
    leftOut: [],
  };
};

async function makeKey({ db, keyring }: Parameters<Part>[0]): Promise<string> {
  const settings = {
    name: 'bench',
    scopes: ['accounts:read' as const],
    networks: [],
    accounts: [],
    entryLimit: null,
    dayLimit: null,
    expiresAt: null,
  };
  const actor = { who: 'bench', from: 'bench' };
  return (await createOperatorKey(db, actor, { keyring, now: new Date() }, settings)).secret;
}
