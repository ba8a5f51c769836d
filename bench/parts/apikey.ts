import { figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import type { HashJob } from '../peers/argon2.ts';
import { Worker } from '../worker.ts';
import { apikeyRate } from '../workloads.ts';

const ACCOUNTS = 30;

/** The API key for a password, compared with the bare verification of the password. */
export const apikey: Part = async (stage, { rounds, seconds }) => {
  const service = await stage.startService();
  const argon2 = new Worker<HashJob, number>('peers/argon2.ts');
  const values = await interleave(rounds, {
    bare: () => argon2.run({ what: 'verify', seconds }),
    ours: await apikeyRate(stage, service.port, ACCOUNTS, seconds),
  });
  argon2.stop();
  await service.stop();
  return {
    figures: [
      figure({
        part: 'apikey',
        name: 'right passwords',
        ours: values.ours,
        limit: values.bare,
        limitName: 'bare argon2 verify',
        unit: 'requests/s',
      }),
    ],
    leftOut: [],
  };
};
