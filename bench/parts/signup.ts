import { figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import type { HashJob } from '../peers/argon2.ts';
import { Worker } from '../worker.ts';
import { signupRate } from '../workloads.ts';

/** Signups, each a transaction that queues a mail, compared with the bare hashing of a password. */
export const signup: Part = async (stage, { rounds, seconds }) => {
  const service = await stage.startService();
  const argon2 = new Worker<HashJob, number>('peers/argon2.ts');
  const values = await interleave(rounds, {
    bare: () => argon2.run({ what: 'hash', seconds }),
    ours: signupRate(stage, service.port, seconds),
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
