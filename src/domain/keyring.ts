import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Database } from '../db/database.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** The secret key file does not open the keys that the database holds. */
export class KeyringError extends Error {}

/** The two data keys in the clear: one seals secrets, one digests what must be found again. */
export class Keyring {
  readonly #sealKey: Buffer;
  readonly #digestKey: Buffer;

  constructor(sealKey: Buffer, digestKey: Buffer) {
    this.#sealKey = sealKey;
    this.#digestKey = digestKey;
  }

  /**
   * AES-256-GCM, as nonce, tag and ciphertext.
   * @param context what the secret belongs to; only the same context opens it again
   */
  seal(secret: string, context: string): Buffer {
    return encrypt(this.#sealKey, Buffer.from(secret), context);
  }

  /** @throws Error where the bytes were changed, or sealed under another key or context */
  open(sealed: Buffer, context: string): string {
    return decrypt(this.#sealKey, sealed, context).toString();
  }

  /** HMAC-SHA-256: finds a secret in the database without the database telling it. */
  digest(secret: string): Buffer {
    return createHmac('sha256', this.#digestKey).update(secret).digest();
  }

  /** Compares a secret with its digest in constant time. */
  matches(secret: string, digest: Buffer): boolean {
    const actual = this.digest(secret);
    return actual.length === digest.length && timingSafeEqual(actual, digest);
  }
}

/**
 * Opens the database's data keys with the key of the secret key file, or makes them on a new
 * database.
 * @param fileKey 32 bytes
 * @throws KeyringError where the file's key is not the one that wrapped them
 */
export async function openKeyring(db: Database, fileKey: Buffer): Promise<Keyring> {
  const fresh = ['seal', 'digest'].map((purpose) =>
    encrypt(fileKey, randomBytes(KEY_BYTES), `data key ${purpose}`),
  );
  await db.query(
    `INSERT INTO data_key (purpose, wrapped) VALUES ('seal', $1), ('digest', $2)
     ON CONFLICT (purpose) DO NOTHING`,
    fresh,
  );
  const rows = await db.query<{ purpose: string; wrapped: Buffer }>(
    'SELECT purpose, wrapped FROM data_key',
  );
  const unwrap = (purpose: string): Buffer => {
    const wrapped = rows.find((row) => row.purpose === purpose)?.wrapped ?? Buffer.alloc(0);
    try {
      return decrypt(fileKey, wrapped, `data key ${purpose}`);
    } catch (cause) {
      throw new KeyringError(
        'the secret key file is not the one this database was set up with; ' +
          'restore that file, or point SECRET_KEY_FILE at it',
        { cause },
      );
    }
  };
  return new Keyring(unwrap('seal'), unwrap('digest'));
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
