/** A file or folder of an archive. Its content must be read before the next entry. */
export interface TarEntry {
  name: string;
  kind: 'file' | 'folder';
  mode: number;
  content: AsyncIterable<Buffer>;
}

/** The archive cannot be read. */
export class TarError extends Error {}

const BLOCK = 512;
const PERMISSIONS = 0o777;

/** The beginning of an archive with one file (ustar, POSIX.1-1988). */
export function tarFile(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(padding(content.length))]);
}

/**
 * Reads an archive of plain files and folders, as PostgreSQL writes it.
 * @throws TarError where the source is no archive, is damaged or ends early
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(source);
  for (;;) {
    const header = await reader.take(BLOCK);
    // Blocks of zeros end an archive.
    if (header.every((byte) => byte === 0)) return reader.drain();
    const text = (start: number, length: number) =>
      header.toString('utf8', start, start + length).replace(/\0.*$/s, '');
    const number = (start: number, length: number) => Number.parseInt(text(start, length), 8);
    if (number(148, 8) !== checksum(header)) throw new TarError('the archive is damaged');
    const size = number(124, 12);
    const kind = { '': 'file', '0': 'file', '5': 'folder' }[text(156, 1)];
    const name = text(0, 100);
    if (kind !== 'file' && kind !== 'folder') {
      throw new TarError(`${name} in the archive is neither a file nor a folder`);
    }
    const content = reader.pieces(size);
    yield { name, kind, mode: number(100, 8) & PERMISSIONS, content };
    for await (const _ of content) {
      // Skips content that the caller did not read.
    }
    await reader.take(padding(size));
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The sum of the header's bytes; the checksum's own field counts as blanks. */
function checksum(header: Buffer): number {
  return header.reduce(
    (sum, byte, position) => sum + (position >= 148 && position < 156 ? 0x20 : byte),
    0,
  );
}

class BlockReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(length)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Reads to the end, because a compressed archive has its checksum there. */
  async drain(): Promise<void> {
    while (!(await this.#source.next()).done) {
      // The bytes are ignored.
    }
  }

  async *pieces(length: number): AsyncGenerator<Buffer> {
    for (let wanted = length; wanted > 0; ) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#source.next();
        if (done) throw new TarError('the archive ends early');
        this.#rest = value;
      }
      const piece = this.#rest.subarray(0, wanted);
      this.#rest = this.#rest.subarray(piece.length);
      wanted -= piece.length;
      yield piece;
    }
  }
}
