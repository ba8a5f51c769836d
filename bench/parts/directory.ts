import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { startSwitch } from '../../test/kamailio/switch.ts';
import { waitUntil } from '../../test/support/wait.ts';
import { makeAccounts, settle } from '../data.ts';
import { atLeast, type Figure, figure, type LeftOut } from '../figure.ts';
import { postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import type { PhonesJob, PhonesOutcome } from '../phones.ts';
import type { Stage } from '../stage.ts';
import { Worker } from '../worker.ts';
import { infoRate, type Measure, makeFeed } from '../workloads.ts';

const ACCOUNTS = 50_000;
const QUICK_ACCOUNTS = 10_000;
const CONNECTIONS = 64;
const ASKED = 20_000;
const PER_SECOND = 1_000;

/** Look-ups of HA1s by switches, and phones that register through Kamailio. */
export const directory: Part = async (stage, { rounds, seconds, quick }) => {
  const accounts = quick ? QUICK_ACCOUNTS : ACCOUNTS;
  const keyed = await makeAccounts(stage, { accounts, withKeys: accounts });
  await settle(stage);
  const feed = await makeFeed(stage);
  const service = await stage.startService();
  const usernames = keyed.map(({ username }) => String(username));
  const asked = lookUps(stage, service.port, feed, usernames, seconds);
  const measures: Record<string, Measure> = {
    ...asked,
    info: infoRate(stage, service.port, keyed, seconds),
  };
  const rates = await interleave(rounds, measures);
  const figures: Figure[] = Object.keys(asked).map((name) =>
    figure({
      part: 'directory',
      name: `${name} look-ups, ${CONNECTIONS} connections`,
      ours: rates[name] as number[],
      limit: rates.info as number[],
      limitName: 'info, 64 connections',
      unit: 'answers/s',
    }),
  );
  const missing = ['kamailio', 'sipp'].filter((program) => spawnSync(program, ['-v']).error);
  const leftOut: LeftOut[] = missing.map((program) => ({
    part: 'directory',
    name: 'phones that register through Kamailio',
    why: `${program} is not installed`,
  }));
  if (leftOut.length === 0) {
    figures.push(...(await registerAll(stage, { port: service.port, feed, usernames })));
  }
  await service.stop();
  return { figures, leftOut };
};

function lookUps(
  { load }: Stage,
  port: number,
  authorization: string,
  usernames: string[],
  seconds: number,
): Record<string, Measure> {
  const measure = (path: string, bodyOf: (username: string) => string) => {
    const requests = Array.from({ length: ASKED }, (_, n) => {
      const username = usernames[(n * 7919) % usernames.length] as string;
      return postBytes(path, [`Authorization: ${authorization}`], bodyOf(username));
    });
    return async () => {
      const connections = CONNECTIONS;
      const outcome = await load.run({ kind: 'seconds', port, connections, seconds, requests });
      return outcome.requests / outcome.seconds;
    };
  };
  return {
    'Kamailio and OpenSIPS': measure('/ingest/v1/subscriber', (account) =>
      JSON.stringify({ account }),
    ),
    FreeSWITCH: measure(
      '/ingest/v1/freeswitch/directory',
      (user) => `section=directory&user=${user}&domain=localhost`,
    ),
    Asterisk: measure('/ingest/v1/asterisk/ps_endpoints/single', (id) => `id=${id}`),
  };
}

/** All phones register at a steady pace, twice: the second time Kamailio still has their HA1s. */
async function registerAll(
  { db }: Stage,
  { port, feed, usernames }: { port: number; feed: string; usernames: string[] },
): Promise<Figure[]> {
  const credentials = Buffer.from(feed.replace('Basic ', ''), 'base64').toString();
  const ingest = `http://${credentials}@127.0.0.1:${port}/ingest/v1`;
  const sip = await startSwitch({ ingest, sharedMegabytes: 512 });
  const phones = new Worker<PhonesJob, PhonesOutcome>('phones.ts');
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const job: PhonesJob = {
    port: sip.port,
    phones: usernames.map((username) => [username, md5(username)]),
    perSecond: PER_SECOND,
  };
  const figures: Figure[] = [];
  try {
    for (const name of ['asked for', 'kept for a minute']) {
      await db.query('TRUNCATE registration');
      const outcome = await phones.run(job);
      console.error(name, outcome);
      const answered = performance.now();
      const { registered } = outcome;
      const told = async () => {
        const [row] = await db.query<{ count: number }>(
          'SELECT count(*)::int AS count FROM registration',
        );
        return (row?.count ?? 0) >= registered;
      };
      await waitUntil(told, 60_000);
      const behindMs = performance.now() - answered;
      const called = `${usernames.length} phones, HA1s ${name}`;
      figures.push(
        figure({
          part: 'directory',
          name: `REGISTERs through Kamailio: ${called}`,
          ours: [registered / outcome.seconds],
          limit: [PER_SECOND],
          limitName: `offered; ${outcome.resent} were sent again, ${usernames.length - registered} failed`,
          unit: 'a second',
          target: atLeast(0.98),
        }),
        figure({
          part: 'directory',
          name: `the same: p99`,
          ours: [outcome.p99Ms],
          limit: [outcome.medianMs],
          limitName: 'its p50',
          unit: 'ms',
        }),
        figure({
          part: 'directory',
          name: `the same: all contacts told after the last answer`,
          ours: [behindMs],
          limitName: '',
          unit: 'ms',
        }),
      );
    }
  } finally {
    phones.stop();
    await sip.stop();
  }
  return figures;
}
