import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { pipeline as pipelined } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { Argument, type Command } from 'commander';
import type { Config } from '../config.ts';
import { startBaseBackup } from '../db/base-backup.ts';
import {
  readTar,
  requireNoCluster,
  restoreCluster,
  type TarEntry,
  TarError,
  tarFile,
} from '../db/embedded/index.ts';
import { audit } from '../domain/audit.ts';
import { reconcile } from '../domain/books/proof.ts';
import { Refusal } from '../domain/refusal.ts';
import { fingerprint } from '../domain/sealing/keyring.ts';
import { ownKeyFile, readKeyFile, readSecretKey } from '../secret-key.ts';
import { readSeal, requireUnchanged, sealed } from './backup-seal.ts';
import { exclusively } from './exclusively.ts';
import {
  openForCommand,
  operator,
  perform,
  performWithout,
  print,
  withExample,
} from './operation.ts';
import { count } from './print.ts';
import { type Progress, startProgress } from './progress.ts';

const DESCRIPTION = 'account-api-backup.json';
const MEGABYTE = 1_000_000;

/** The first file of a backup: it describes the backup. */
interface Description {
  takenAt: string;
  /** fingerprints of the secret key files that can open it */
  secretKeys: string[];
}

/**
 * `backup`. Refuses with DATABASE_URL: only the embedded database is copied, while the service
 * runs or not.
 */
export function backupCommand(on: Command): void {
  withExample(on, 'backup /var/backups/account-api').addArgument(
    new Argument('<path>', 'file to write, or folder to put one with the time into'),
  );
  perform(on, (service, given: string, options: { json?: true }) =>
    exclusively(service.db, async () => {
      const { db, embedded, clock } = service;
      if (!embedded) throw ownDatabase('backup', 'pg_dump');
      const takenAt = clock();
      const path = await target(given, takenAt);
      const fileKey = await readSecretKey(service.config);
      const secretKeys = [fingerprint(fileKey)];
      const description: Description = { takenAt: takenAt.toISOString(), secretKeys };
      const { estimatedBytes, archive, close } = await startBaseBackup(embedded.connection);
      const progress = startMegabytes(estimatedBytes, options);
      try {
        const start = tarFile(DESCRIPTION, Buffer.from(JSON.stringify(description)));
        await write(path, joined(start, progress.counting(archive)), fileKey);
      } finally {
        progress.stop();
        await close();
      }
      await audit(db, operator(), { action: 'backup taken', detail: { file: path } }, clock());
      const { size: bytes } = await stat(path);
      return {
        json: { file: path, bytes, ...description },
        text:
          `Wrote ${path}, ${megabytes(bytes)} MB.\n` +
          `To be of use it needs the secret key file with fingerprint ${secretKeys.join(' or ')}: ` +
          'keep a copy of that in another place.',
      };
    }),
  );
}

/**
 * `restore`. Refuses with DATABASE_URL, and where the data folder has a database. The exit
 * status is 1 if the restored books do not balance.
 */
export function restoreCommand(on: Command): void {
  withExample(
    on,
    'restore /var/backups/account-api/account-api-20301231T180000Z.tar.gz',
  ).addArgument(new Argument('<file>', 'what backup wrote'));
  performWithout(on, async (config, given: string, options: { json?: true }) => {
    if (config.databaseUrl) throw ownDatabase('restore', 'pg_restore');
    requireNoCluster(config.dataDir);
    const { takenAt } = await unpack(config, resolve(given), options);
    const service = await openForCommand(config);
    try {
      const { db, clock } = service;
      const { accounts, calls, imbalances } = await reconcile(db);
      const detail = { file: resolve(given), takenAt };
      await audit(db, operator(), { action: 'backup restored', detail }, clock());
      const balanced = imbalances.length === 0;
      print(on, {
        json: { takenAt, accounts, calls, imbalances },
        text:
          `Restored the database of ${takenAt}: ${count(accounts, 'billing account')} and ` +
          `${count(calls, 'call')}, ` +
          `${balanced ? 'and the books balance' : 'but the books do not balance: see reconcile'}.`,
        failed: !balanced,
      });
    } finally {
      await service.close();
    }
  });
}

/** @throws Refusal if the file is not a backup, or the secret key file is not the one it needs */
async function unpack(
  config: Config,
  path: string,
  options: { json?: true },
): Promise<Description> {
  const keyFile = config.secretKeyFile ?? ownKeyFile(config) ?? '';
  const { size } = await stat(path).catch(() => {
    throw new Refusal('not found', `there is no file ${path}`);
  });
  const seal = await readSeal(path);
  await requireUnchanged(path, seal, await requireKey(keyFile, seal.fingerprint));
  const progress = startMegabytes(size, options);
  const unpacked = createGunzip();
  try {
    const packed = Readable.from(
      progress.counting(createReadStream(path, { end: seal.archiveBytes - 1 })),
    );
    // A failure ends the reading of the archive, below.
    pipeline(packed, unpacked, () => undefined);
    const entries = readTar(unpacked);
    const description = await describe(path, entries);
    await restoreCluster(config.dataDir, entries);
    return description;
  } catch (error) {
    const isDamaged = error instanceof TarError || (error as { code?: string }).code?.[0] === 'Z';
    if (!isDamaged) throw error;
    throw new Refusal('malformed', `${path} is no backup or is damaged: ${errorText(error)}`);
  } finally {
    unpacked.destroy();
    progress.stop();
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function ownDatabase(task: string, tool: string): Refusal {
  return new Refusal(
    'conflict',
    `${task} is for the embedded database; with DATABASE_URL use ${tool}`,
  );
}

/**
 * @returns the file to write: the named one, or one with the time in its name if a folder was named
 */
async function target(given: string, takenAt: Date): Promise<string> {
  const path = resolve(given);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    const time = takenAt.toISOString().replace(/[-:]|\.\d+/g, '');
    return join(path, `account-api-${time}.tar.gz`);
  }
  if (found) throw new Refusal('conflict', `${path} exists already`);
  return path;
}

/** Writes the file completely, private and durable, or leaves no file. */
async function write(path: string, archive: AsyncIterable<Buffer>, fileKey: Buffer): Promise<void> {
  const draft = `${path}.part`;
  try {
    await pipelined(
      archive,
      createGzip(),
      (packed: AsyncIterable<Buffer>) => sealed(packed, fileKey),
      createWriteStream(draft, { mode: 0o600, flush: true }),
    );
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function describe(path: string, entries: AsyncGenerator<TarEntry>): Promise<Description> {
  const { value: first } = await entries.next();
  if (first?.name !== DESCRIPTION) throw new Refusal('malformed', `${path} is no backup`);
  const pieces: Buffer[] = [];
  for await (const piece of (first as TarEntry).content) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString()) as Description;
}

async function requireKey(keyFile: string, needed: string): Promise<Buffer> {
  const key = await readKeyFile(keyFile).catch(() => undefined);
  const found = key && fingerprint(key);
  if (key && found === needed) return key;
  const state = found === undefined ? 'there is none that can be read' : `its own is ${found}`;
  throw new Refusal(
    'conflict',
    `the backup needs the secret key file with fingerprint ${needed}; ` +
      `put it at ${keyFile} (${state}), readable by its owner alone, and try again`,
  );
}

async function* joined(start: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield start;
  yield* rest;
}

/** A progress that counts the bytes passing through. */
function startMegabytes(totalBytes: number, options: { json?: true }) {
  const progress: Progress = startProgress('MB', megabytes(totalBytes), options);
  return {
    stop: progress.stop,
    counting: async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      let bytes = 0;
      for await (const piece of source) {
        bytes += piece.length;
        progress.update(Math.min(megabytes(bytes), megabytes(totalBytes)));
        yield piece;
      }
    },
  };
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / MEGABYTE);
}
