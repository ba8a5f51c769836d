import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reconcile } from '../../src/domain/books/proof.ts';
import { copyScript, type SampleCall } from '../calls.ts';
import { makeAccounts, settle } from '../data.ts';
import { atLeast, type Figure, figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import { isInstalled, runProgram } from '../process.ts';
import type { Stage } from '../stage.ts';
import { batchesOf, countDelivered, deliver, makeFeed } from '../workloads.ts';

const BATCHES = [1, 100, 1_000, 5_000];
const AT_ONCE = [1, 2, 4];
// Calls per measurement: enough for some seconds.
const CALLS: Record<number, number> = { 1: 1_000, 100: 20_000, 1000: 40_000, 5000: 40_000 };
const QUICK_SHARE = 4;
const TARGETS: Record<string, number> = { '100 4': 0.5, '1000 4': 0.7, '5000 2': 0.5 };

/** Calls delivered over HTTP, compared with `\copy` of the same rows into the same table. */
export const ingest: Part = async (stage, { rounds, quick }) => {
  const accounts = await makeAccounts(stage, { accounts: 2_000, withKeys: 2_000 });
  await settle(stage);
  const usernames = accounts.map(({ username }) => username);
  const authorization = await makeFeed(stage);
  const hasPsql = await isInstalled('psql');
  const service = await stage.startService();
  const figures: Figure[] = [];
  const before = await countDelivered(stage);
  let sent = 0;
  for (const batch of BATCHES) {
    for (const atOnce of AT_ONCE) {
      const count = (CALLS[batch] ?? batch) / (quick ? QUICK_SHARE : 1);
      const calls = () => batchesOf(count, batch, usernames);
      const values = await interleave(Math.min(rounds, 3), {
        copy: hasPsql ? () => copy(stage, calls(), atOnce) : undefined,
        ours: async () => {
          sent += count;
          return deliver(stage, service.port, authorization, calls(), atOnce);
        },
      });
      const target = TARGETS[`${batch} ${atOnce}`];
      figures.push(
        figure({
          part: 'ingest',
          name: `${batch.toLocaleString('en-US')} a batch, ${atOnce} at once`,
          ours: values.ours,
          limit: values.copy,
          limitName: String.raw`\copy, same batches, as many at once`,
          unit: 'calls/s',
          ...(target ? { target: atLeast(target) } : {}),
        }),
      );
    }
  }
  await service.stop();
  await prove(stage, before + sent);
  const leftOut = hasPsql
    ? []
    : [{ part: 'ingest', name: String.raw`beside \copy`, why: 'psql is not installed' }];
  return { figures, leftOut };
};

/** Calls per second through several psql at once; each batch is one COPY in one transaction. */
async function copy(stage: Stage, batches: SampleCall[][], atOnce: number): Promise<number> {
  const scripts = await Promise.all(
    Array.from({ length: atOnce }, async (_, n) => {
      const path = join(stage.folder, `copy-${n}.sql`);
      const own = batches.filter((_, at) => at % atOnce === n);
      await writeFile(path, own.map(copyScript).join(''));
      return path;
    }),
  );
  const began = performance.now();
  await Promise.all(
    scripts.map((path) =>
      runProgram('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', path, stage.databaseUrl]),
    ),
  );
  return batches.flat().length / ((performance.now() - began) / 1_000);
}

/** A fast result is worthless if a call was lost. */
async function prove(stage: Stage, sent: number): Promise<void> {
  const stored = await countDelivered(stage);
  const { imbalances } = await reconcile(stage.db);
  if (stored !== sent || imbalances.length > 0) {
    throw new Error(
      `${sent} calls were sent, ${stored} are there, ${imbalances.length} accounts do not balance`,
    );
  }
}
