import { connect, type Socket } from 'node:net';

/** A client that has asked for something and takes the answer as slowly as it likes. */
export interface SlowReader {
  socket: Socket;
  /** takes what is left as fast as it comes. @returns the whole answer, its head included */
  finish: () => Promise<string>;
}

/**
 * Asks for the calls of a key, and once the answer begins takes some bytes of it at a time.
 * @param pace bytes that are taken every so many milliseconds
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
