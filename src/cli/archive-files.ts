import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { ArchivePage } from '../domain/calls/call-archive.ts';
import type { WrittenCall } from '../domain/calls/call-file.ts';
import type { Decimal } from '../domain/money.ts';
import { Refusal } from '../domain/refusal.ts';

const FORMAT = 'account-api calls, version 1';
const MANIFEST = 'manifest.json';
const PART_CALLS = 1_000_000;
// Level 6 takes half as long again and saves a tenth.
const LEVEL = 3;

export interface ArchivePart {
  file: string;
  sha256: string;
  bytes: number;
  calls: number;
  /** billing accounts */
  firstAccount: number;
  lastAccount: number;
}

export interface Manifest {
  format: typeof FORMAT;
  /** such as `2030-01`, in UTC */
  month: string;
  calls: number;
  /** what the calls took from the balances when they were stored; money */
  paid: string;
  writtenAt: string;
  parts: ArchivePart[];
}

/** A line of an archive; the operators' guide lists the members. */
export interface ArchivedCall extends WrittenCall {
  billingAccount: number;
  paid: Decimal;
}

const folderOf = (archive: string, month: string) => join(archive, `calls-${month}`);

/**
 * Writes the archive of a month. It appears under its name when it is complete and on the disk.
 * @param paid the sum of the calls' `paid`
 * @param onProgress gets the number of written calls
 */
export async function writeArchive(
  archive: string,
  { month, paid, now }: { month: string; paid: string; now: Date },
  pages: AsyncIterable<ArchivePage>,
  onProgress: (calls: number) => void,
): Promise<void> {
  const target = folderOf(archive, month);
  const folder = `${target}.part`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const iterator = pages[Symbol.asyncIterator]();
  const parts: ArchivePart[] = [];
  let calls = 0;
  for (let next = await iterator.next(); !next.done; ) {
    const file = `part-${String(parts.length + 1).padStart(5, '0')}.ndjson.gz`;
    const part = { file, calls: 0, firstAccount: next.value.firstAccount, lastAccount: 0 };
    const lines = async function* () {
      while (!next.done && part.calls < PART_CALLS) {
        yield next.value.lines;
        part.calls += next.value.calls;
        part.lastAccount = next.value.lastAccount;
        onProgress(calls + part.calls);
        next = await iterator.next();
      }
    };
    const path = join(folder, file);
    await pipeline(lines, createGzip({ level: LEVEL }), createWriteStream(path, { mode: 0o600 }));
    await toDisk(path);
    parts.push({ ...part, bytes: (await stat(path)).size, sha256: await sha256(path) });
    calls += part.calls;
  }
  const manifest: Manifest = {
    format: FORMAT,
    month,
    calls,
    paid,
    writtenAt: now.toISOString(),
    parts,
  };
  const file = await open(join(folder, MANIFEST), 'w', 0o600);
  await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
  await file.sync();
  await file.close();
  await toDisk(folder);
  await rename(folder, target);
  await toDisk(archive);
}

async function toDisk(path: string): Promise<void> {
  const file = await open(path);
  await file.sync();
  await file.close();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The months of an archive, oldest first. @throws Refusal if the folder does not exist */
export async function monthsIn(archive: string): Promise<string[]> {
  const names = await readdir(archive).catch((error: NodeJS.ErrnoException) => {
    throw new Refusal('not found', `the archive cannot be read: ${error.message}`);
  });
  return names.flatMap((name) => /^calls-(\d{4}-\d{2})$/.exec(name)?.[1] ?? []).sort();
}

/** @throws Refusal if the month is missing, or its manifest cannot be read */
export async function readManifest(
  archive: string,
  month: string,
): Promise<{ manifest: Manifest; sha256: string }> {
  const path = join(folderOf(archive, month), MANIFEST);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Refusal('not found', `${archive} has no calls of ${month}`);
  });
  const manifest = parse(text);
  if (manifest?.format !== FORMAT || manifest.month !== month) {
    throw new Refusal('unprocessable', `${path} is no manifest of ${month}`);
  }
  return { manifest, sha256: createHash('sha256').update(text).digest('hex') };
}

function parse(text: string): Manifest | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns the files of a month that are missing or not as they were written */
export async function damagedParts(archive: string, manifest: Manifest): Promise<string[]> {
  const damaged: string[] = [];
  for (const part of manifest.parts) {
    const path = join(folderOf(archive, manifest.month), part.file);
    const found = await sha256(path).catch(() => undefined);
    if (found !== part.sha256) damaged.push(path);
  }
  return damaged;
}

/** The calls of a month in the order of the billing accounts. @param account only of this one */
export async function* archivedCalls(
  archive: string,
  { month, parts }: Manifest,
  account?: number,
): AsyncGenerator<ArchivedCall> {
  for (const { file, firstAccount, lastAccount } of parts) {
    if (account !== undefined && (account < firstAccount || account > lastAccount)) continue;
    const bytes = createReadStream(join(folderOf(archive, month), file));
    const text: Readable = bytes.pipe(createGunzip());
    bytes.on('error', (error) => text.destroy(error));
    for await (const line of createInterface({ input: text, crlfDelay: Infinity })) {
      yield JSON.parse(line);
    }
  }
}
