import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Config } from './config.ts';

type Place = Pick<Config, 'publicUrl' | 'host' | 'port' | 'dataDir'>;

/** Where a service that listens on `port` is reached: PUBLIC_URL, or else a URL with host and port. */
export function serviceAddress({ publicUrl, host }: Place, port: number): string {
  if (publicUrl) return publicUrl;
  const isLocal = ['0.0.0.0', '::', '127.0.0.1', '::1'].includes(host);
  return `http://${isLocal ? 'localhost' : isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Where the service is reached by who asks: PUBLIC_URL, or else as the request says. */
export function addressAsked(
  { publicUrl }: Place,
  { protocol, headers }: { protocol: string; headers: { host?: string | undefined } },
): string {
  return publicUrl ?? `${protocol}://${headers.host ?? 'localhost'}`;
}

/** Keeps the address of a service that has started, for commands: its port may be any. */
export async function noteAddress({ dataDir }: Place, address: string): Promise<void> {
  await writeFile(noteIn(dataDir), `${address}\n`);
}

/** Where the service is reached, as a command knows it: as it was noted last, or as it is set. */
export function notedAddress(config: Place): string {
  if (config.publicUrl) return config.publicUrl;
  try {
    return readFileSync(noteIn(config.dataDir), 'utf8').trim();
  } catch {
    return serviceAddress(config, config.port);
  }
}

function noteIn(dataDir: string): string {
  return join(dataDir, 'address');
}
