import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Config, ConfigError } from './config.ts';
import { fingerprint } from './domain/sealing/keyring.ts';

const KEY_BYTES = 32;
const OTHERS_MAY = 0o077;

/** The file of the key that the service made itself; undefined if the operator names a file. */
export function ownKeyFile(config: Config): string | undefined {
  if (config.secretKeyFile || config.databaseUrl) return undefined;
  return join(config.dataDir, 'secret.key');
}

/**
 * The key that opens the database's data keys, 32 bytes. A missing key of the service itself is
 * created.
 * @throws ConfigError if the file is missing, readable by others or holds no key
 */
export async function readSecretKey(config: Config): Promise<Buffer> {
  const own = ownKeyFile(config);
  if (own) {
    if (!(await exists(own))) await createOnce(own);
    return readKeyFile(own);
  }
  if (config.secretKeyFile) return readKeyFile(config.secretKeyFile);
  throw new ConfigError(
    'SECRET_KEY_FILE must name the sealing key when DATABASE_URL is set; make one with: ' +
      '(umask 077; openssl rand -hex 32 > secret.key)',
  );
}

/** @throws ConfigError if the file is missing, readable by others or holds no key */
export async function readKeyFile(path: string): Promise<Buffer> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if (mode & OTHERS_MAY) {
      throw new ConfigError(
        `the secret key file ${path} is open to others; run: chmod 600 ${path}`,
      );
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`the secret key file ${path} cannot be read (SECRET_KEY_FILE)`);
  }
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length !== KEY_BYTES) {
    throw new ConfigError(
      `the secret key file ${path} must hold 64 hexadecimal digits; make one with: ` +
        `(umask 077; openssl rand -hex 32 > ${path})`,
    );
  }
  return key;
}

/**
 * The key that will replace a file's key. It is in a file beside it, which is created if missing.
 */
export async function draftKey(path: string): Promise<Buffer> {
  if (!(await hasDraft(path))) await createOnce(draftOf(path));
  return readKeyFile(draftOf(path));
}

/** Whether a rotation of this file was begun and its draft is not in place yet. */
export function hasDraft(path: string): Promise<boolean> {
  return exists(draftOf(path));
}

/**
 * Replaces a key file by the draft. Older backups need the old key, so it is kept.
 * @returns the path of the old key
 */
export async function replaceByDraft(path: string): Promise<string> {
  const kept = `${path}.${fingerprint(await readKeyFile(path))}`;
  await ignoring('EEXIST', link(path, kept));
  await rename(draftOf(path), path);
  await syncFolder(dirname(path));
  return kept;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function draftOf(path: string): string {
  return `${path}.new`;
}

/** The file is written under another name and then linked, so no start ever reads half a key. */
async function createOnce(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await ignoring('EEXIST', link(draft, path)).finally(() => unlink(draft));
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function ignoring(code: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== code) throw error;
  }
}
