import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from './config.ts';

const KEY_BYTES = 32;
const OTHERS_MAY = 0o077;

/**
 * The key that opens the database's data keys, 32 bytes.
 * @param create whether to make the file where it is missing
 * @throws ConfigError where the file is missing, readable by others or holds no key
 */
export async function readSecretKey(path: string, create: boolean): Promise<Buffer> {
  if (create) await createOnce(path);
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

/** Written whole under another name and linked, so that no start ever reads half a key. */
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
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
}
