import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Refusal } from '../domain/refusal.ts';
import { fingerprint } from '../domain/sealing/keyring.ts';

const HASH = 'sha256';
const MAC_BYTES = 32;
const MARK = Buffer.from('account-api-seal');
const FINGERPRINT_BYTES = 16;
const SEAL_BYTES = MARK.length + FINGERPRINT_BYTES + MAC_BYTES;

/** The values at the end of a backup. */
export interface Seal {
  /** bytes of the archive before the seal */
  archiveBytes: number;
  /** of the secret key file that made the seal */
  fingerprint: string;
  mac: Buffer;
}

/**
 * Passes an archive on and appends its seal: a mark, the fingerprint of the secret key file, and an
 * HMAC-SHA-256 (RFC 2104) of all bytes before it. The key of the HMAC is derived from the file (RFC
 * 5869).
 */
export async function* sealed(
  archive: AsyncIterable<Buffer>,
  fileKey: Buffer,
): AsyncGenerator<Buffer> {
  const mac = macOf(fileKey);
  for await (const piece of archive) {
    mac.update(piece);
    yield piece;
  }
  yield Buffer.concat([MARK, Buffer.from(fingerprint(fileKey)), mac.digest()]);
}

/** @throws Refusal 'malformed' if the file does not end with a seal */
export async function readSeal(path: string): Promise<Seal> {
  const file = await open(path);
  try {
    const archiveBytes = (await file.stat()).size - SEAL_BYTES;
    const seal = Buffer.alloc(SEAL_BYTES);
    if (archiveBytes > 0) await file.read(seal, 0, SEAL_BYTES, archiveBytes);
    if (!seal.subarray(0, MARK.length).equals(MARK))
      throw damaged(path, 'it has no seal at its end');
    const [start, end] = [MARK.length, MARK.length + FINGERPRINT_BYTES];
    const name = seal.toString('latin1', start, end).replace(/[^0-9a-f]/g, '?');
    return { archiveBytes, fingerprint: name, mac: seal.subarray(end) };
  } finally {
    await file.close();
  }
}

/** Reads the whole archive once. @throws Refusal 'malformed' if it differs from the sealed one */
export async function requireUnchanged(path: string, seal: Seal, fileKey: Buffer): Promise<void> {
  const mac = macOf(fileKey);
  for await (const piece of createReadStream(path, { end: seal.archiveBytes - 1 })) {
    mac.update(piece);
  }
  if (timingSafeEqual(seal.mac, mac.digest())) return;
  throw damaged(path, 'it is not what was sealed when it was taken');
}

function damaged(path: string, why: string): Refusal {
  return new Refusal(
    'malformed',
    `${path} is no backup or is damaged: ${why}; nothing was restored, use another backup`,
  );
}

function macOf(fileKey: Buffer) {
  return createHmac(HASH, Buffer.from(hkdfSync(HASH, fileKey, '', 'backup seal', MAC_BYTES)));
}
