import { StoreUnavailable } from '../db/errors.ts';
import { postMonthlyCharges, previewMonthlyCharges } from '../domain/billing/charge-run.ts';
import { reconcile, reportImbalances } from '../domain/books/proof.ts';
import { openAmong } from '../domain/calls/rejected-record.ts';
import { countRejected } from '../domain/calls/rejected-search.ts';
import { countCalls, previewRerating, rerateCalls } from '../domain/calls/rerating.ts';
import { sumOf } from '../domain/money.ts';
import { deleteParts, openParts } from '../domain/moving/import-part.ts';
import { importFile } from '../domain/moving/importing.ts';
import { failureOf } from '../domain/operation/failure.ts';
import {
  finishOperation,
  noteProgress,
  type OperationWork,
  takeOperation,
} from '../domain/operation/operation.ts';
import { Refusal } from '../domain/refusal.ts';
import { replayEvents } from '../domain/webhook/replay.ts';
import { replayRejected } from '../ingest/replay.ts';
import type { Service } from '../service.ts';

const NOTED_EVERY_MS = 500;
const MOST_SHOWN = 1_000;

type Progress = (done: number, total?: number) => void;

/** Does the work of one kind and returns its result. After a kill at any point it can run again. */
type Worker = (service: Service, work: OperationWork, progress: Progress) => Promise<object>;

/** The kinds of long work that can be requested. */
const WORKERS: Record<string, Worker> = {
  reconciliation: async ({ db, clock }, { parameters }, onProgress) => {
    const { account } = parameters as { account?: number };
    const { accounts, calls, imbalances } = await reconcile(db, { account, onProgress });
    await reportImbalances(db, imbalances, clock());
    const shown = imbalances.slice(0, MOST_SHOWN);
    return { balanced: imbalances.length === 0, accounts, calls, imbalances: shown };
  },
  'charge run': async ({ db, queue, config, clock }, { parameters }, progress) => {
    const { account } = parameters as { account?: number };
    const { accounts, charges, amount, failures } = await postMonthlyCharges(db, queue, {
      now: clock(),
      prorate: config.prorateCharges,
      account,
      onProgress: (run) => progress(run.accounts),
    });
    const failed = failures
      .slice(0, MOST_SHOWN)
      .map(({ account: of, error }) => ({ account: String(of), ...failureOf(error) }));
    return { accounts, charges, amount, failures: failed };
  },
  'charge preview': async ({ db, config, clock }, { parameters }, progress) => {
    const { account, month } = parameters as { account?: number; month?: string };
    const charges: object[] = [];
    let count = 0;
    const options = { now: clock(), prorate: config.prorateCharges, account, month };
    for await (const { account, month: of, amount } of previewMonthlyCharges(db, options)) {
      progress(++count);
      if (count <= MOST_SHOWN) charges.push({ account: String(account), month: of, amount });
    }
    return { count, charges };
  },
  import: async (service, { parameters, actor }, progress) => {
    const { db, keyring, queue, config, clock } = service;
    const { import: id } = parameters as { import: string };
    const { defaultRate: rate, sipRealm, currency } = config;
    const tools = { db, keyring, queue, actor, now: clock(), rate, sipRealm, currency };
    let done = 0;
    const onProgress: Progress = (rows, total) => {
      done = rows;
      progress(rows, total);
    };
    const { run, counts } = await importFile(
      { tools, onProgress, onReading: () => progress(done) },
      id,
      openParts(db, keyring, id),
    );
    // The parts of failed rows are kept, so that these can be read and mended.
    if (counts.failed === 0) await deleteParts(db, id);
    const { kind, options, sums, remarks } = run;
    return { import: id, kind, dryRun: options.dryRun, ...counts, sums, remarks };
  },
  replay: async ({ db, config, clock }, { parameters, actor }, progress) => {
    const { ids } = parameters as { ids?: number[] };
    // An earlier attempt may have resolved some of them; those are no longer open.
    const open = ids && (await openAmong(db, ids));
    const total = open?.length ?? (await countRejected(db));
    progress(0, total);
    return replayRejected(db, actor, {
      now: clock(),
      retentionMonths: config.retentionMonths,
      emergencyNumbers: config.emergencyNumbers,
      ...(open ? { ids: open } : {}),
      onProgress: ({ replayed }) => progress(replayed, total),
    });
  },
  'webhook replay': async ({ db, clock }, { parameters, actor }, progress) => {
    const { failedSince, ...range } = parameters as {
      endpoint: number;
      after?: number;
      until?: number;
      types?: string[];
      failedSince?: string;
    };
    const since = failedSince === undefined ? {} : { failedSince: new Date(failedSince) };
    const tools = { now: clock(), onProgress: progress };
    const events = await replayEvents(db, actor, { ...range, ...since }, tools);
    return { events };
  },
  rerating: async ({ db, clock }, { parameters, actor }, progress) => {
    const { from, to, dryRun, reason, ...scope } = parameters as {
      from: string;
      to: string;
      account?: number;
      priceList?: string;
      reason: string;
      dryRun: boolean;
    };
    const range = { from: new Date(from), to: new Date(to), ...scope };
    const count = await countCalls(db, range);
    const onProgress = (step: string, done: number) => {
      if (step === 'rating') progress(done, count);
    };
    const { calls, changed, adjustments } = dryRun
      ? await previewRerating(db, range, onProgress)
      : await rerateCalls(db, actor, { ...range, reason }, { now: clock(), onProgress });
    const shown = adjustments.slice(0, MOST_SHOWN);
    const total = sumOf(adjustments.map(({ amount }) => amount));
    return {
      calls,
      changed,
      total,
      accounts: adjustments.length,
      adjustments: shown.map(({ account, amount }) => ({ account: String(account), amount })),
    };
  },
};

/** Does the work of an operation. A refusal ends it; while the database is away it waits. */
export async function runOperation(service: Service, id: string): Promise<void> {
  const { db, clock } = service;
  const work = await takeOperation(db, id, clock());
  if (!work) return;
  const worker = WORKERS[work.kind];
  if (!worker) throw new Error(`nobody knows how to do ${work.kind}`);
  try {
    const result = await worker(service, work, progressOf(service, id));
    await finishOperation(db, id, { result }, clock());
  } catch (error) {
    if (error instanceof Cancelled) return;
    if (error instanceof StoreUnavailable) throw error;
    await finishOperation(db, id, { error: failureOf(error) }, clock());
    if (!(error instanceof Refusal)) throw error;
  }
}

class Cancelled extends Error {}

/**
 * Stores the progress at most twice a second; the work does not wait for it.
 * @throws Cancelled once the operation has ended
 */
function progressOf({ db }: Service, id: string): Progress {
  let notedMs = 0;
  let isOver = false;
  return (done, total) => {
    if (isOver) throw new Cancelled();
    const now = performance.now();
    if (now - notedMs < NOTED_EVERY_MS) return;
    notedMs = now;
    noteProgress(db, id, { done, total: total ?? null }).then(
      (goesOn) => {
        isOver = !goesOn;
      },
      () => undefined,
    );
  };
}
