import { createHash, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Database } from '../../db/database.ts';
import { argon2Matches, hashPassword, inHashSlot } from './password.ts';

/** The hash of a password that another system made. */
export interface ForeignHash {
  hash: string;
  salt?: string | undefined;
  /**
   * if the hash does not tell: a name of DIGESTS, alone or with `-salt-first` or `-salt-last`
   */
  scheme?: string | undefined;
}

/** A hash cannot be taken over. */
export class UnknownHash extends Error {}

const PREFIX = '$imported$';
const DIGESTS = { md5: 32, sha1: 40, sha256: 64, sha512: 128 } as const;
type Digest = keyof typeof DIGESTS;
const MOST_ROUNDS = 2_000_000;
const MOST_SCRYPT_BYTES = 64 * 1024 * 1024;
const MOST_ARGON2 = { kib: 256 * 1024, passes: 10 };
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;
const DJANGO = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,7})\$([^$]{1,100})\$([A-Za-z0-9+/=]{20,100})$/;
const PASSLIB =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(\d{1,7})\$([A-Za-z0-9./]{4,100})\$([A-Za-z0-9./]{20,100})$/;
const SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{4,100})\$([A-Za-z0-9+/]{20,100})$/;
const ARGON2 =
  /^\$argon2id?\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;

/** Whether a stored hash comes from another system and was not verified yet. */
export const isImported = (stored: string) => stored.startsWith(PREFIX);

/**
 * The form in which a foreign hash is stored. Digests that are fast to try are hashed again with
 * argon2id, so that none of them is ever stored. Others are kept, if they cost at most so much that
 * one sign-in does not hinder others.
 * @throws UnknownHash
 */
export async function importedHash(db: Database, foreign: ForeignHash): Promise<string> {
  const { hash } = foreign;
  const kept = keptForm(hash);
  if (kept !== undefined) {
    await noteCost(db, kept);
    return kept;
  }
  const { digest, order } = schemeOf(foreign);
  const salt = Buffer.from(foreign.salt ?? '').toString('base64url');
  return `${PREFIX}${digest}-${order}:${salt}${await hashPassword(hash.toLowerCase(), true)}`;
}

/** @throws UnknownHash if `importedHash` cannot take it */
export function requireKnownHash(foreign: ForeignHash): void {
  if (keptForm(foreign.hash) === undefined) schemeOf(foreign);
}

function keptForm(hash: string): string | undefined {
  if (BCRYPT.test(hash)) return `${PREFIX}bcrypt${hash}`;
  const [, , rounds] = DJANGO.exec(hash) ?? PASSLIB.exec(hash) ?? [];
  if (rounds !== undefined && Number(rounds) <= MOST_ROUNDS) {
    return `${PREFIX}pbkdf2${hash.startsWith('$') ? '' : '$'}${hash}`;
  }
  const [, ln, r, p] = (SCRYPT.exec(hash) ?? []).map(Number);
  if (ln && r && p && 128 * 2 ** ln * r <= MOST_SCRYPT_BYTES && p <= 4)
    return `${PREFIX}scrypt${hash}`;
  const [, kib, passes, lanes] = (ARGON2.exec(hash) ?? []).map(Number);
  const fits = kib && passes && lanes && kib <= MOST_ARGON2.kib && passes <= MOST_ARGON2.passes;
  return fits && lanes <= 4 ? `${PREFIX}argon2${hash}` : undefined;
}

function schemeOf({ hash, salt = '', scheme }: ForeignHash): { digest: Digest; order: string } {
  if (/^[0-9a-f]+$/i.test(hash)) {
    const [name, order = 'salt-first'] = (scheme ?? '').split(/-(?=salt)/);
    const digest = (Object.keys(DIGESTS) as Digest[]).find(
      (one) => DIGESTS[one] === hash.length && (!name || name === one),
    );
    if (digest && /^salt-(first|last)$/.test(order) && salt.length <= 200) return { digest, order };
  }
  throw new UnknownHash('this form cannot be verified here: the owner chooses a password');
}

/** Compares a password with a hash in the form of `importedHash`, within a slot. */
export async function importedMatches(password: string, stored: string): Promise<boolean> {
  const rest = stored.slice(PREFIX.length);
  const at = rest.indexOf('$');
  const [scheme, hash] = [rest.slice(0, at), rest.slice(at)];
  if (scheme === 'bcrypt') return (await import('@node-rs/bcrypt')).verify(password, hash);
  if (scheme === 'pbkdf2') return pbkdf2Matches(password, hash);
  if (scheme === 'scrypt') return scryptMatches(password, hash);
  if (scheme === 'argon2') return argon2Matches(password, hash);
  const [, digest = '', order, salt = ''] = /^(\w+)-salt-(first|last):(.*)$/.exec(scheme) ?? [];
  const plain = Buffer.from(salt, 'base64url').toString();
  const hashed = createHash(digest).update(order === 'last' ? password + plain : plain + password);
  return argon2Matches(hashed.digest('hex'), hash);
}

async function pbkdf2Matches(password: string, hash: string): Promise<boolean> {
  const django = DJANGO.exec(hash.slice(1));
  const [, digest = 'sha1', rounds, salt = '', key = ''] = django ?? PASSLIB.exec(hash) ?? [];
  const bytes = (text: string) => Buffer.from(text.replaceAll('.', '+'), 'base64');
  const expected = bytes(key);
  const saltBytes = django ? Buffer.from(salt) : bytes(salt);
  const derive = promisify(pbkdf2);
  return isEqual(
    await derive(password, saltBytes, Number(rounds), expected.length, digest),
    expected,
  );
}

function scryptMatches(password: string, hash: string): Promise<boolean> {
  const [, ln, r, p, salt = '', key = ''] = SCRYPT.exec(hash) ?? [];
  const expected = Buffer.from(key, 'base64');
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: 2 * MOST_SCRYPT_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, Buffer.from(salt, 'base64'), expected.length, cost, (error, derived) =>
      error ? reject(error) : resolve(isEqual(derived, expected)),
    );
  });
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Costs that this process has measured, by the form of hash without salt and key. */
const measured = new Set<string>();

/**
 * Measures how long a kept hash takes, once for each form. Until none is left, every sign-in takes
 * at least as long as the slowest: else its time would tell who is a customer.
 */
async function noteCost(db: Database, stored: string): Promise<void> {
  const form = stored.replace(/[./A-Za-z0-9+=]{20,}/g, '').slice(0, 60);
  if (measured.has(form)) return;
  measured.add(form);
  const began = performance.now();
  await inHashSlot(() => importedMatches('a password that nobody has', stored));
  const ms = Math.ceil((performance.now() - began) * 1.25);
  await db.query(
    `INSERT INTO sign_in_floor (single, ms) VALUES (true, $1)
     ON CONFLICT (single) DO UPDATE SET ms = greatest(sign_in_floor.ms, excluded.ms)`,
    [ms],
  );
}

/** Milliseconds that each check of a password takes at least; 0 if no imported hash is left. */
export async function signInFloorMs(db: Database): Promise<number> {
  const [row] = await db.read<{ ms: number }>(
    'sign-in-floor',
    `SELECT ms FROM sign_in_floor
     WHERE EXISTS (SELECT FROM account WHERE password_hash LIKE '$imported$%')`,
    [],
  );
  return row?.ms ?? 0;
}

/** How many imported hashes are left, by scheme. */
export async function countImported(db: Database): Promise<Record<string, number>> {
  const rows = await db.query<{ scheme: string; count: number }>(
    `SELECT substring(password_hash FROM '^\\$imported\\$([a-z0-9]+)') AS scheme, count(*)::int AS count
     FROM account WHERE password_hash LIKE '$imported$%' AND closed_at IS NULL GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ scheme, count }) => [scheme, count]));
}
