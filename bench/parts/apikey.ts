import { figure } from '../figure.ts';
import { clientAddresses, postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import type { HashJob } from '../peers/argon2.ts';
import { Worker } from '../worker.ts';

const CONNECTIONS = 8;
const ACCOUNTS = 30;

/** The key for a password, beside the bare verification of the password. */
export const apikey: Part = async (stage, { rounds, seconds }) => {
  const service = await stage.startService();
  const [address = ''] = clientAddresses(1);
  const bodies: string[] = [];
  for (let n = 0; n < ACCOUNTS; n++) {
    const { username, password } = await signUp(service.port, `apikey-${n}@example.com`);
    bodies.push(JSON.stringify({ username, password }));
  }
  const requests = bodies.map((body) =>
    postBytes('/v2.1/account/apikey/', [`X-Forwarded-For: ${address}`], body),
  );
  const argon2 = new Worker<HashJob, number>('peers/argon2.ts');
  const values = await interleave(rounds, {
    bare: () => argon2.run({ what: 'verify', seconds }),
    ours: async () => {
      const { port } = service;
      const job = { kind: 'seconds', port, connections: CONNECTIONS, seconds, requests } as const;
      const outcome = await stage.load.run(job);
      return outcome.requests / outcome.seconds;
    },
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

async function signUp(
  port: number,
  email: string,
): Promise<{ username: number; password: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/v2.1/account/signup/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Example Company', email }),
  });
  const { account } = (await response.json()) as {
    account: { username: number; password: string };
  };
  return account;
}
