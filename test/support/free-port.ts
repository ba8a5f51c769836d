import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

// Below those that Linux and macOS give to connections, which could take a free port at any moment.
const [FIRST, LAST] = [20_000, 32_000];
const HOST = '127.0.0.1';

/** A port of this machine that nothing uses. */
export async function freePort(kind: 'tcp' | 'udp' = 'tcp'): Promise<number> {
  let port: number;
  do {
    port = randomInt(FIRST, LAST);
  } while (!(await isFree(kind, port)));
  return port;
}

function isFree(kind: 'tcp' | 'udp', port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = kind === 'udp' ? createSocket('udp4') : createServer();
    probe.once('error', () => resolve(false));
    probe.once('listening', () => probe.close(() => resolve(true)));
    if ('bind' in probe) probe.bind(port, HOST);
    else probe.listen(port, HOST);
  });
}
