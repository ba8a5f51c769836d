import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountRecord } from '../../src/api/v2.1/account-record.ts';
import { keyDigest } from '../../src/domain/access/api-key.ts';
import { makeAccounts } from '../data.ts';
import { atLeast, figure, type LeftOut } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import { isInstalled, runProgram } from '../process.ts';
import { answerOf, freePort, type Stage } from '../stage.ts';
import { statementOf } from '../statement.ts';
import { INFO_PATH, infoRate } from '../workloads.ts';

const PGBENCH_CLIENTS = 8;
const ACCOUNTS = 2_000;
// A limit that is counted but never reached.
const LIMIT = '1000000000';

/** One indexed read, with the surroundings of production. */
export const info: Part = async (stage, { rounds, seconds }) => {
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: 500 });
  const key = accounts[0]?.key ?? '';
  const unlimited = await stage.startService();
  const database = await stage.startService({ RATE_LIMIT_PER_HOUR: LIMIT });
  const redis = await startRedis(stage);
  const counted = redis
    ? await stage.startService({ RATE_LIMIT_PER_HOUR: LIMIT, LIMITS_URL: redis.url })
    : undefined;
  const answer = await answerOf(unlimited.port, INFO_PATH, key);
  const env = { HEADERS: JSON.stringify(answer.headers), BODY: answer.body };
  const bare = await stage.startPeer('node-http', env);
  const fastify = await stage.startPeer('fastify', env);

  const rate = (port: number) => infoRate(stage, port, accounts, seconds);
  const pgbench = await pgbenchOf(stage, key, seconds);
  const values = await interleave(rounds, {
    bare: rate(bare.port),
    fastify: rate(fastify.port),
    database: rate(database.port),
    redis: counted ? rate(counted.port) : undefined,
    unlimited: rate(unlimited.port),
    pgbench,
  });
  for (const process of [unlimited, database, counted, redis, bare, fastify]) {
    await process?.stop();
  }

  const own = (name: string, ours: number[], limit: number[], limitName: string, least?: number) =>
    figure({
      part: 'info',
      name,
      ours,
      limit,
      limitName,
      unit: 'requests/s',
      ...(least ? { target: atLeast(least) } : {}),
    });
  const figures = [
    own('limits in Redis', values.redis, values.bare, 'bare node:http', 0.4),
    own('limits in PostgreSQL', values.database, values.bare, 'bare node:http', 0.4),
    own('no limits', values.unlimited, values.bare, 'bare node:http'),
    own('no limits', values.unlimited, values.fastify, 'bare Fastify'),
  ];
  const leftOut: LeftOut[] = [];
  if (!redis) {
    figures.shift();
    leftOut.push({ part: 'info', name: 'limits in Redis', why: 'redis-server is not installed' });
  }
  if (pgbench) {
    const limitName = `pgbench, ${PGBENCH_CLIENTS} clients`;
    figures.push(own('no limits', values.unlimited, values.pgbench, limitName));
  } else {
    leftOut.push({ part: 'info', name: 'beside pgbench', why: 'pgbench is not installed' });
  }
  return { figures, leftOut };
};

/** A Redis without persistence. */
async function startRedis({ folder }: Stage) {
  if (!(await isInstalled('redis-server'))) return undefined;
  const port = await freePort();
  const redis = spawn(
    'redis-server',
    ['--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of redis.stdout) {
    if (String(line).includes('Ready to accept connections')) break;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      redis.kill();
      if (redis.exitCode === null) await once(redis, 'exit');
    },
  };
}

/** The same prepared statement, run by pgbench; statements per second. */
async function pgbenchOf(
  stage: Stage,
  key: string,
  seconds: number,
): Promise<(() => Promise<number>) | undefined> {
  if (!(await isInstalled('pgbench'))) return undefined;
  const { text, values } = await statementOf((db) =>
    accountRecord(db, keyDigest(stage.keyring, key)),
  );
  const script = join(stage.folder, 'info.sql');
  // pgbench reads a colon as the start of a variable, even within quotes.
  const quoted = text.replaceAll(/'[^']*'/g, (it) => it.replaceAll(':', "'||chr(58)||'"));
  await writeFile(script, `${quoted.replaceAll('$1', ':digest').replaceAll(/\s+/g, ' ')};\n`);
  const [digest] = values[0] as [Buffer];
  const keys = `{"\\\\x${digest.toString('hex')}"}`;
  const options = ['-n', '-M', 'prepared', '-c', String(PGBENCH_CLIENTS), '-j', '1'];
  const length = ['-T', String(Math.max(1, Math.round(seconds)))];
  return async () => {
    const { output } = await runProgram('pgbench', [
      ...options,
      ...length,
      '-D',
      `digest=${keys}`,
      '-f',
      script,
      stage.databaseUrl,
    ]);
    return Number(/tps = ([0-9.]+)/.exec(output)?.[1]);
  };
}
