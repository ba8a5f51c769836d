import type { Queryable } from '../db/database.ts';
import { type RetiredCalls, retiredCalls } from '../domain/calls/call-archive.ts';
import { fromMicros, toMicros } from '../domain/money.ts';
import { archivedCalls, damagedParts, type Manifest, readManifest } from './archive-files.ts';

const MOST_SHOWN = 20;

/** A billing account for which the archive and the books differ. */
export interface Difference {
  account: number;
  archive: Pick<RetiredCalls, 'calls' | 'paid'>;
  books: Pick<RetiredCalls, 'calls' | 'paid'>;
}

export interface MonthProof {
  month: string;
  accounts: number;
  calls: number;
  /** of the manifest */
  sha256: string;
  /** files that are missing or were changed */
  damaged: string[];
  /** the number of accounts with a difference */
  wrong: number;
  /** the first of them */
  differences: Difference[];
}

const NONE = { calls: 0, paid: '0.000000' };

/**
 * Compares the archive of a month with what the books kept of it, for each billing account. The
 * sums are added up from the calls themselves.
 * @throws Refusal if the archive has no manifest of the month
 */
export async function proveMonth(
  db: Queryable,
  archive: string,
  month: string,
): Promise<MonthProof> {
  const { manifest, sha256 } = await readManifest(archive, month);
  const proof = { month, accounts: 0, calls: 0, sha256, wrong: 0, differences: [] as Difference[] };
  const damaged = await damagedParts(archive, manifest);
  // A damaged file cannot be read to its end.
  if (damaged.length > 0) return { ...proof, damaged };
  const compare = (account: number, found = NONE, kept = NONE) => {
    proof.accounts++;
    proof.calls += found.calls;
    if (found.calls === kept.calls && toMicros(found.paid) === toMicros(kept.paid)) return;
    proof.wrong++;
    if (proof.differences.length === MOST_SHOWN) return;
    const sums = ({ calls, paid }: typeof NONE) => ({ calls, paid });
    proof.differences.push({ account, archive: sums(found), books: sums(kept) });
  };
  // Both are in the order of the accounts.
  const books = retiredCalls(db, month);
  let kept = await books.next();
  for await (const found of sumsOf(archive, manifest)) {
    while (!kept.done && kept.value.account < found.account) {
      compare(kept.value.account, NONE, kept.value);
      kept = await books.next();
    }
    const isSame = !kept.done && kept.value.account === found.account;
    compare(found.account, found, isSame ? kept.value : NONE);
    if (isSame) kept = await books.next();
  }
  for (; !kept.done; kept = await books.next()) compare(kept.value.account, NONE, kept.value);
  return { ...proof, damaged };
}

/** The sums of each billing account of an archive. */
async function* sumsOf(archive: string, manifest: Manifest): AsyncGenerator<RetiredCalls> {
  let sum: { account: number; calls: number; micros: bigint } | undefined;
  const result = ({ account, calls, micros }: NonNullable<typeof sum>) => ({
    account,
    calls,
    paid: fromMicros(micros),
  });
  for await (const { billingAccount, paid } of archivedCalls(archive, manifest)) {
    if (sum?.account !== billingAccount) {
      if (sum) yield result(sum);
      sum = { account: billingAccount, calls: 0, micros: 0n };
    }
    sum.calls++;
    sum.micros += toMicros(paid);
  }
  if (sum) yield result(sum);
}

/** Whether the proof found nothing wrong. */
export function isProved({ damaged, wrong }: MonthProof): boolean {
  return damaged.length === 0 && wrong === 0;
}
