import { hash } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { type Decimal, toMicros } from '../money.ts';
import { Refusal, unauthorized } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { isSecret, OPERATOR_KEY } from './key-text.ts';
import { COLUMNS, keyOf, type OperatorKey, type Row, stateOfKeys } from './operator-key.ts';

const SEEN_EVERY_MS = 60_000;
const KNOWN_MS = 1_000;
const MOST_KNOWN = 1_000;

interface FoundKey {
  key: OperatorKey;
  /** when the secret expires */
  endsAt: Date | null;
}

async function lookUp(
  db: Database,
  keyring: Keyring,
  secret: string | undefined,
  now: Date,
): Promise<FoundKey> {
  if (secret === undefined || !isSecret(OPERATOR_KEY, secret)) throw unauthorized();
  const row = await db.find<Row & { isPrevious: boolean }>(
    'operator-key',
    `SELECT d.n::int, ${COLUMNS}, digest <> d.presented AS "isPrevious"
     FROM unnest($1::bytea[]) WITH ORDINALITY AS d (presented, n)
       JOIN operator_key ON digest = d.presented OR previous_digest = d.presented
     WHERE revoked_at IS NULL`,
    keyring.digest(secret),
  );
  if (!row) throw unauthorized();
  const { isPrevious, n: _, ...found } = row as typeof row & { n: number };
  const ends = [found.expiresAt, isPrevious ? found.previousExpiresAt : null];
  const [endsAt = null] = ends.filter((at) => at !== null).sort((a, b) => Number(a) - Number(b));
  if (isOver(endsAt, now)) {
    throw new Refusal('unauthorized', 'the key has expired', { reason: 'key expired' });
  }
  return { key: keyOf(found), endsAt };
}

const isOver = (at: Date | null, now: Date) => at !== null && at <= now;

/**
 * Finds the key of a secret that a client presents. A text without the form of a secret is refused
 * without a query. A secret that was right within the last second is not looked up again, so a
 * change or revocation takes effect at once in the process that makes it, and within a second in
 * others.
 * @returns a function that throws Refusal 'unauthorized', with the reason 'key expired' for an expired key's secret
 */
export function authenticateOperators(
  db: Database,
  keyring: Keyring,
): (secret: string | undefined, now: Date) => Promise<OperatorKey> {
  // Finding a digest tells nothing of the secret by the time that it takes.
  const known = new Map<string, FoundKey & { untilMs: number; state: number }>();
  return async (secret, now) => {
    const digest = hash('sha256', secret ?? '', 'base64');
    const state = stateOfKeys();
    const last = known.get(digest);
    const isRecent = last && last.untilMs > performance.now() && last.state === state;
    if (isRecent && !isOver(last.endsAt, now)) return last.key;
    known.delete(digest);
    const found = await lookUp(db, keyring, secret, now);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(digest, { ...found, untilMs: performance.now() + KNOWN_MS, state });
    return found.key;
  };
}

/** Notes that keys were used, each at most once a minute. Callers do not wait for it. */
export function noteOperatorKeys(
  db: Queryable,
  onError: (error: Error) => void,
): (key: OperatorKey, address: string, now: Date) => void {
  const notedMs = new Map<string, number>();
  return ({ id, lastUsedAt }, address, now) => {
    const lastMs = Math.max(lastUsedAt?.getTime() ?? 0, notedMs.get(id) ?? 0);
    if (now.getTime() - lastMs < SEEN_EVERY_MS) return;
    notedMs.set(id, now.getTime());
    db.query(
      `UPDATE operator_key SET last_used_at = greatest(last_used_at, $2), last_address = $3
       WHERE id = $1`,
      [id, now, address],
    ).catch(onError);
  };
}

/**
 * Counts an amount that a key posts against the key's limits, in the transaction that posts it.
 * @param amount a debit is negative and counts as much as a credit
 * @throws Refusal 'forbidden', with the reason 'amount limit'
 */
export async function spendLimit(
  tx: Queryable,
  { id, entryLimit, dayLimit }: Pick<OperatorKey, 'id' | 'entryLimit' | 'dayLimit'>,
  amount: Decimal,
  now: Date,
): Promise<void> {
  const micros = toMicros(amount);
  const moved = micros < 0n ? -micros : micros;
  if (entryLimit !== null && moved > toMicros(entryLimit)) {
    throw amountLimit(`an entry may move ${entryLimit} at most`);
  }
  if (dayLimit === null) return;
  const counted = await tx.query(
    `INSERT INTO operator_key_day AS d (key, day, posted)
     SELECT $1, ($2::timestamptz AT TIME ZONE 'UTC')::date, abs($3::numeric)
     WHERE abs($3::numeric) <= $4::numeric
     ON CONFLICT (key, day) DO UPDATE SET posted = d.posted + excluded.posted
       WHERE d.posted + excluded.posted <= $4::numeric
     RETURNING 1`,
    [id, now, amount, dayLimit],
  );
  if (counted.length === 0) throw amountLimit(`the entries of a day may move ${dayLimit} at most`);
}

const amountLimit = (message: string) =>
  new Refusal('forbidden', `the key has a limit: ${message}`, { reason: 'amount limit' });
