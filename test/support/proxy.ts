import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type pg from 'pg';

/** A connection to the database that can be cut. */
export interface DatabaseProxy {
  /** how to connect through it */
  through: (connection: pg.ClientConfig) => pg.ClientConfig;
  /** ends all connections and accepts no new ones */
  cut: () => void;
  mend: () => void;
  close: () => Promise<void>;
}

export async function startProxy(): Promise<DatabaseProxy> {
  let target: { path: string } | { host: string; port: number } | undefined;
  let isCut = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (isCut || !target) {
      client.destroy();
      return;
    }
    const upstream = connect(target);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    through: (connection) => {
      if (connection.connectionString) {
        const url = new URL(connection.connectionString);
        target = { host: url.hostname, port: Number(url.port || 5432) };
        url.host = `127.0.0.1:${port}`;
        return { connectionString: url.href };
      }
      target = { path: `${connection.host}/.s.PGSQL.${connection.port}` };
      return { ...connection, host: '127.0.0.1', port };
    },
    cut: () => {
      isCut = true;
      drop();
    },
    mend: () => {
      isCut = false;
    },
    close: async () => {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
}
