import { PassThrough, type Readable } from 'node:stream';
import pg from 'pg';
import { translate } from './errors.ts';

/** A copy of a running server at one moment. */
export interface BaseBackup {
  /** estimated size of the archive in bytes */
  estimatedBytes: number;
  /** a tar archive of the data folder, with the write-ahead log that makes it consistent */
  archive: Readable;
  close: () => Promise<void>;
}

// The slot keeps the write-ahead log since the backup's start until it is copied.
const KEEP_LOG = (slot: string) =>
  `CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL (RESERVE_WAL)`;
const BACKUP =
  "BASE_BACKUP (LABEL 'account-api', CHECKPOINT 'fast', WAL true, PROGRESS true, MANIFEST 'no')";

/**
 * Starts a base backup, as pg_basebackup does
 * (https://www.postgresql.org/docs/18/protocol-replication.html). PostgreSQL verifies the
 * checksum of each copied page. A wrong checksum ends the archive with an error.
 * @throws StoreUnavailable where PostgreSQL does not answer
 */
export async function startBaseBackup(connection: pg.ClientConfig): Promise<BaseBackup> {
  // The driver supports `replication`, but its types lack it.
  const options: pg.ClientConfig & { replication: string } = { ...connection, replication: 'true' };
  const client = new pg.Client(options);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(KEEP_LOG(`account_api_backup_${process.pid}`));
    const query = client.query(new BackupQuery());
    const estimatedBytes = await query.size;
    return { estimatedBytes, archive: query.archive, close: () => client.end() };
  } catch (error) {
    await client.end();
    throw translate(error);
  }
}

const KIND_OF_DATA = 'd'.charCodeAt(0);
const BYTES_OF_KILOBYTE = 1024;

/** Speaks the driver's side of BASE_BACKUP: two small results, then the archive. */
class BackupQuery implements pg.Submittable {
  readonly archive = new PassThrough();
  readonly size: Promise<number>;
  #tellSize: (bytes: number) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;
  #rowFields = 0;

  constructor() {
    this.size = new Promise((resolve, reject) => {
      this.#tellSize = resolve;
      this.#fail = reject;
    });
  }

  submit(connection: pg.Connection): void {
    connection.query(BACKUP);
  }

  handleRowDescription({ fields }: { fields: unknown[] }): void {
    this.#rowFields = fields.length;
  }

  /** The first result has two columns; the second has a row for each tablespace, in kilobytes. */
  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    if (this.#rowFields === 3) this.#tellSize(Number(fields[2]) * BYTES_OF_KILOBYTE);
  }

  handleCopyData({ chunk }: { chunk: Buffer }, { stream }: pg.Connection): void {
    if (chunk[0] !== KIND_OF_DATA) return;
    // Copied, because the driver reuses a handled message's memory.
    if (this.archive.write(Buffer.from(chunk.subarray(1))) || stream.isPaused()) return;
    stream.pause();
    this.archive.once('drain', () => stream.resume());
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.archive.end();
  }

  handleError(error: Error): void {
    this.#fail(error);
    this.archive.destroy(error);
  }
}
