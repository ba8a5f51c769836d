import { hash, type Options, verify } from '@node-rs/argon2';

// Bare hashing in a separate process, with the same concurrency as the service.
const OPTIONS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const AT_ONCE = 4;

export interface HashJob {
  what: 'verify' | 'hash';
  seconds: number;
}

const phc = hash('k7Tq29mXwa', OPTIONS);

process.on('message', async ({ what, seconds }: HashJob) => {
  const began = performance.now();
  let done = 0;
  const work = async () => {
    while (performance.now() - began < seconds * 1_000) {
      if (what === 'verify') await verify(await phc, 'k7Tq29mXwa');
      else await hash('k7Tq29mXwa', OPTIONS);
      done++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  process.send?.(done / ((performance.now() - began) / 1_000));
});
