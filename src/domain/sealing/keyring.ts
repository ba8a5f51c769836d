import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { LOCKS, takeLock } from '../locks.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const VERSION_BYTES = 2;
const PURPOSES = ['seal', 'digest'] as const;

type Purpose = (typeof PURPOSES)[number];

/** The secret key file does not open the keys that the database holds. */
export class KeyringError extends Error {}

/** Reads the key of the secret key file, 32 bytes; called again whenever keys may have changed. */
export type FileKeyReader = () => Promise<Buffer>;

/** Identifies a secret key file's key without revealing it. */
export function fingerprint(fileKey: Buffer): string {
  return createHmac('sha256', fileKey).update('fingerprint').digest('hex').slice(0, 16);
}

/**
 * The data keys, unwrapped. The newest sealing key seals new secrets; older ones open old secrets.
 * One key digests secrets that must be found by their value. Keys that were added later are loaded
 * when they are needed.
 */
export class Keyring {
  readonly #readFileKey: FileKeyReader;
  #keys: DataKeys;

  constructor(readFileKey: FileKeyReader, keys: DataKeys) {
    this.#readFileKey = readFileKey;
    this.#keys = keys;
  }

  /**
   * Seals under the newest key, which stays the newest until the transaction ends. The result is
   * the version of the key, then AES-256-GCM's nonce, tag and ciphertext.
   * @param context what the secret belongs to; it opens only with the same context
   */
  async seal(tx: Queryable, secret: string, context: string): Promise<Buffer> {
    return (await this.sealer(tx)).seal(secret, context);
  }

  /** Seals many secrets of one transaction. */
  async sealer(tx: Queryable): Promise<Sealer> {
    await tx.query('SELECT pg_advisory_xact_lock_shared($1)', [LOCKS.sealing]);
    const version = await newestSealVersion(tx);
    const key = await this.#sealKey(tx, version);
    const prefix = versionPrefix(version);
    return {
      seal: (secret, context) =>
        Buffer.concat([prefix, encrypt(key, Buffer.from(secret), context)]),
    };
  }

  /**
   * @param db for the look-up of a key that is not loaded yet
   * @throws Error if the bytes were changed, or sealed under another key or context
   */
  async open(db: Queryable, sealed: Buffer, context: string): Promise<string> {
    const key = await this.#sealKey(db, sealed.readUInt16BE(0));
    return decrypt(key, sealed.subarray(VERSION_BYTES), context).toString();
  }

  /** HMAC-SHA-256: finds a secret in the database, which does not reveal it. */
  digest(secret: string): Buffer {
    return createHmac('sha256', this.#keys.digest).update(secret).digest();
  }

  /** Compares a secret with its digest in constant time. */
  matches(secret: string, digest: Buffer): boolean {
    const actual = this.digest(secret);
    return actual.length === digest.length && timingSafeEqual(actual, digest);
  }

  async #sealKey(db: Queryable, version: number): Promise<Buffer> {
    if (!this.#keys.seal.has(version)) this.#keys = await loadDataKeys(db, this.#readFileKey);
    const key = this.#keys.seal.get(version);
    if (!key) throw new KeyringError(`the database has no data key of version ${version}`);
    return key;
  }
}

export interface Sealer {
  seal: (secret: string, context: string) => Buffer;
}

interface DataKeys {
  /** by version */
  seal: Map<number, Buffer>;
  /** imported once, because the import takes longer than a digest */
  digest: KeyObject;
}

/**
 * Opens the database's data keys with the key of the secret key file. On a new database it makes
 * them.
 * @throws KeyringError if the file's key did not wrap them
 */
export async function openKeyring(db: Database, readFileKey: FileKeyReader): Promise<Keyring> {
  const fileKey = await readFileKey();
  // Only the first start takes the lock; later starts do not wait for transactions that seal.
  if (!(await hasDataKeys(db))) await makeDataKeys(db, fileKey);
  return new Keyring(readFileKey, await loadDataKeys(db, readFileKey));
}

async function hasDataKeys(db: Queryable): Promise<boolean> {
  return (await db.query('SELECT 1 FROM data_key LIMIT 1')).length > 0;
}

/** Makes the data keys; only one of the processes that start at once does so. */
function makeDataKeys(db: Database, fileKey: Buffer): Promise<void> {
  return db.transaction(async (tx) => {
    await takeLock(tx, LOCKS.sealing);
    if (await hasDataKeys(tx)) return;
    for (const purpose of PURPOSES) {
      await insertDataKey(tx, fileKey, { purpose, version: 1, key: randomBytes(KEY_BYTES) });
    }
  });
}

/** The state of a database during a rotation of the secret key file. */
export interface FileKeys {
  /** the version of the data key that seals new secrets */
  sealVersion: number;
  /** fingerprints of the file keys that open the data keys */
  fileKeys: string[];
}

/** The state of a rotation. Outside of one there is one file key. */
export async function describeFileKeys(db: Queryable): Promise<FileKeys> {
  const rows = await db.query<{ fileKey: string }>(
    'SELECT DISTINCT file_key AS "fileKey" FROM data_key ORDER BY file_key',
  );
  const sealVersion = await newestSealVersion(db);
  return { sealVersion, fileKeys: rows.map(({ fileKey }) => fileKey) };
}

/**
 * Wraps all data keys with a second file key too, and makes a new key for sealing. After the
 * transaction nothing is sealed under an older key. If the rotation has begun, it changes nothing.
 * @throws KeyringError if the current file key does not open the data keys
 */
export async function beginRotation(
  tx: Queryable,
  current: Buffer,
  next: Buffer,
): Promise<{ begun: boolean }> {
  await takeLock(tx, LOCKS.sealing);
  const { sealVersion, fileKeys } = await describeFileKeys(tx);
  if (fileKeys.includes(fingerprint(next))) return { begun: false };
  const dataKeys = await openDataKeys(tx, current);
  if (dataKeys.length === 0) throw await wrongFileKey(tx, fingerprint(current));
  const key = randomBytes(KEY_BYTES);
  const newest: DataKey = { purpose: 'seal', version: sealVersion + 1, key };
  await insertDataKey(tx, current, newest);
  for (const dataKey of [...dataKeys, newest]) await insertDataKey(tx, next, dataKey);
  return { begun: true };
}

/**
 * Deletes the data keys that other file keys wrapped.
 * @returns the fingerprints of these file keys
 * @throws KeyringError if this file key opens nothing
 */
export async function forgetOtherFileKeys(tx: Queryable, current: Buffer): Promise<string[]> {
  const { fileKeys } = await describeFileKeys(tx);
  const own = fingerprint(current);
  if (!fileKeys.includes(own)) throw await wrongFileKey(tx, own);
  await tx.query('DELETE FROM data_key WHERE file_key <> $1', [own]);
  return fileKeys.filter((fileKey) => fileKey !== own);
}

interface DataKey {
  purpose: Purpose;
  version: number;
  key: Buffer;
}

async function loadDataKeys(db: Queryable, readFileKey: FileKeyReader): Promise<DataKeys> {
  // A rotation may have finished between the two reads. Then both have changed, so read again.
  const found = await openDataKeys(db, await readFileKey());
  const keys = found.length > 0 ? found : await openDataKeys(db, await readFileKey());
  const digest = keys.find(({ purpose }) => purpose === 'digest')?.key;
  if (!digest) throw await wrongFileKey(db, fingerprint(await readFileKey()));
  const seal = keys.filter(({ purpose }) => purpose === 'seal');
  return {
    digest: createSecretKey(digest),
    seal: new Map(seal.map(({ version, key }) => [version, key])),
  };
}

/** The data keys that a file's key opens. */
async function openDataKeys(db: Queryable, fileKey: Buffer): Promise<DataKey[]> {
  const rows = await db.query<Omit<DataKey, 'key'> & { wrapped: Buffer }>(
    'SELECT purpose, version, wrapped FROM data_key WHERE file_key = $1',
    [fingerprint(fileKey)],
  );
  return rows.map(({ purpose, version, wrapped }) => {
    const key = decrypt(fileKey, wrapped, wrapContext({ purpose, version }));
    return { purpose, version, key };
  });
}

async function insertDataKey(tx: Queryable, fileKey: Buffer, dataKey: DataKey): Promise<void> {
  const { purpose, version, key } = dataKey;
  await tx.query(
    'INSERT INTO data_key (purpose, version, file_key, wrapped) VALUES ($1, $2, $3, $4)',
    [purpose, version, fingerprint(fileKey), encrypt(fileKey, key, wrapContext(dataKey))],
  );
}

async function wrongFileKey(db: Queryable, given: string): Promise<KeyringError> {
  const wanted = (await describeFileKeys(db)).fileKeys.join(' or ');
  return new KeyringError(
    `the secret key file is not the one this database needs: its fingerprint is ${given}, needed ` +
      `is ${wanted}; restore that file, or point SECRET_KEY_FILE at it`,
  );
}

async function newestSealVersion(db: Queryable): Promise<number> {
  const [row] = await db.query<{ version: number }>(
    "SELECT max(version) AS version FROM data_key WHERE purpose = 'seal'",
  );
  return row?.version ?? 0;
}

/** The first bytes of every secret that is sealed under this version of the data key. */
export function versionPrefix(version: number): Buffer {
  const prefix = Buffer.alloc(VERSION_BYTES);
  prefix.writeUInt16BE(version);
  return prefix;
}

function wrapContext({ purpose, version }: { purpose: Purpose; version: number }): string {
  return `data key ${purpose}, version ${version}`;
}

function encrypt(key: Buffer, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

function decrypt(key: Buffer, sealed: Buffer, context: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([
    decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)),
    decipher.final(),
  ]);
}
