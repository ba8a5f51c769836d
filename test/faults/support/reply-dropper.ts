import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const TRANSACTION_OPEN = 'T'.charCodeAt(0);
const WRITE = /INSERT INTO (call|ledger_entry|kept_answer)\b/;
// https://www.postgresql.org/docs/current/protocol-message-formats.html: Parse, with its name
const NAMED = /P[\s\S]{4}([^\0]+)\0([^\0]+)\0/g;
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5]);

/**
 * A proxy between the service and PostgreSQL. Once armed, it lets the next write be committed and
 * closes the connection instead of passing the answer: the worst moment of a network failure.
 */
export class ReplyDropper {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #armed = false;
  #dropped: () => void = () => undefined;
  drops = 0;

  private constructor(target: string) {
    this.#server = createServer((client) => this.#relay(client, connect(target)));
  }

  /** @param target the path of PostgreSQL's socket */
  static async start(target: string): Promise<ReplyDropper> {
    const dropper = new ReplyDropper(target);
    await new Promise<void>((resolve) => dropper.#server.listen(0, '127.0.0.1', resolve));
    return dropper;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @returns resolves when a reply was dropped */
  arm(): Promise<void> {
    this.#armed = true;
    return new Promise((resolve) => {
      this.#dropped = resolve;
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #relay(client: Socket, postgres: Socket): void {
    let inTransaction = false;
    // Whether the open transaction is one whose reply must be dropped.
    let wrote = false;
    let commits = false;
    // A prepared statement is later called by its name alone.
    const named: string[] = [];
    const end = () => {
      client.destroy();
      postgres.destroy();
    };
    for (const socket of [client, postgres]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      for (const [, name = '', statement = ''] of text.matchAll(NAMED)) {
        if (WRITE.test(statement)) named.push(`\0${name}\0`);
      }
      const writes = WRITE.test(text) || named.some((name) => text.includes(name));
      if (inTransaction && writes) wrote = true;
      const isLast = inTransaction ? wrote && text.includes('COMMIT') : writes;
      if (this.#armed && isLast) {
        this.#armed = false;
        commits = true;
      }
      postgres.write(chunk);
    });
    postgres.on('data', (chunk) => {
      const ready = chunk.lastIndexOf(READY_FOR_QUERY);
      if (ready !== -1) {
        inTransaction = chunk[ready + READY_FOR_QUERY.length] === TRANSACTION_OPEN;
        if (!inTransaction) wrote = false;
      }
      if (!commits) {
        client.write(chunk);
        return;
      }
      // PostgreSQL is ready for the next statement, so this one is committed.
      if (ready === -1) return;
      this.drops++;
      end();
      this.#dropped();
    });
  }
}
