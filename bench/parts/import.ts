import { Queue } from '../../src/db/queue.ts';
import { PLAIN_OPTIONS } from '../../src/domain/moving/import-kind.ts';
import { createRun } from '../../src/domain/moving/import-run.ts';
import { importFile } from '../../src/domain/moving/importing.ts';
import { atLeast, figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import type { Stage } from '../stage.ts';

const ROWS = 20_000;
const QUICK_ROWS = 4_000;
const LEAST_A_SECOND = 1_000;
const ACTOR = { who: 'benchmark', from: 'benchmark' };

let imported = 0;

/** Accounts of a file without passwords: the whole file is checked, then written. */
export const importing: Part = async (stage, { rounds, quick }) => {
  const rows = quick ? QUICK_ROWS : ROWS;
  const speeds = await interleave(Math.min(rounds, 3), { ours: () => importOnce(stage, rows) });
  return {
    figures: [
      figure({
        part: 'import',
        name: `${rows.toLocaleString('en-US')} accounts without passwords`,
        ours: speeds.ours,
        limitName: '',
        unit: 'accounts/s',
        target: atLeast(LEAST_A_SECOND),
      }),
    ],
    leftOut: [],
  };
};

/** @returns accounts a second */
async function importOnce({ db, keyring, databaseUrl }: Stage, rows: number): Promise<number> {
  const from = imported;
  imported += rows;
  const lines = Array.from({ length: rows }, (_, n) => {
    const id = from + n;
    return `b-${id},Customer ${id},customer-${id}@example.com,0.0${1 + (id % 9)},Europe/Berlin\n`;
  });
  const file = Buffer.from(`externalId,name,email,rate,timeZone\n${lines.join('')}`);
  const now = new Date();
  const run = await createRun(
    db,
    ACTOR,
    { kind: 'accounts', options: PLAIN_OPTIONS, file: null, createdBy: null },
    now,
  );
  // It sends nothing: new accounts cause no mails.
  const connection = { connectionString: databaseUrl };
  const queue = Queue.late(
    connection,
    'sender',
    () => undefined,
    async () => undefined,
  );
  const account = { rate: '0.0075', sipRealm: 'sip.example.com', currency: 'USD' };
  const tools = { db, keyring, queue, actor: ACTOR, now, ...account };
  const began = performance.now();
  const { counts } = await importFile({ tools }, run.id, async function* () {
    yield file;
  });
  const seconds = (performance.now() - began) / 1_000;
  if (counts.created !== rows) throw new Error(`${counts.created} of ${rows} were imported`);
  return rows / seconds;
}
