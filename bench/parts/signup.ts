import { figure } from '../figure.ts';
import { postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import type { HashJob } from '../peers/argon2.ts';
import { Worker } from '../worker.ts';

const CONNECTIONS = 8;
const SIGNUPS_A_SECOND = 50;

/** Signups, each a transaction with its mail queued, beside the bare hashing of a password. */
export const signup: Part = async (stage, { rounds, seconds }) => {
  const service = await stage.startService();
  const argon2 = new Worker<HashJob, number>('peers/argon2.ts');
  let next = 0;
  const values = await interleave(rounds, {
    bare: () => argon2.run({ what: 'hash', seconds }),
    ours: async () => {
      const requests = Array.from({ length: seconds * SIGNUPS_A_SECOND }, () => {
        const body = { name: 'Example Company', email: `signup-${next++}@example.com` };
        return postBytes('/v2.1/account/signup/', [], JSON.stringify(body));
      });
      const { port } = service;
      const job = { kind: 'once', port, connections: CONNECTIONS, requests } as const;
      const outcome = await stage.load.run(job);
      return outcome.requests / outcome.seconds;
    },
  });
  argon2.stop();
  await service.stop();
  return {
    figures: [
      figure({
        part: 'signup',
        name: 'new accounts',
        ours: values.ours,
        limit: values.bare,
        limitName: 'bare argon2 hash',
        unit: 'requests/s',
      }),
    ],
    leftOut: [],
  };
};
