import { connect, type Socket } from 'node:net';

/** A client that reads its answer as slowly as it likes. */
export interface SlowReader {
  socket: Socket;
  /** reads the rest at full speed. @returns the whole answer, including its head */
  finish: () => Promise<string>;
}

/**
 * Requests the calls of a key, and reads the answer in small parts.
 * @param pace bytes per read, and milliseconds between reads
 */
export async function readCallsSlowly(
  url: string,
  apikey: string,
  pace: { bytes: number; everyMs: number },
): Promise<SlowReader> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(
    'POST /v2.1/account/cdr/ HTTP/1.1\r\nHost: test\r\nConnection: close\r\n' +
      `Content-Length: 0\r\nAuthorization: Bearer ${apikey}\r\n\r\n`,
  );
  await new Promise<void>((resolve) => socket.once('readable', () => resolve()));
  const chunks: Buffer[] = [];
  const timer = setInterval(() => {
    const chunk = socket.read(pace.bytes);
    if (chunk) chunks.push(chunk);
  }, pace.everyMs);
  socket.once('close', () => clearInterval(timer));
  return {
    socket,
    finish: async () => {
      clearInterval(timer);
      for await (const chunk of socket) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
  };
}
