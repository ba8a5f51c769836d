import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Config } from './config.ts';

type Place = Pick<Config, 'publicUrl' | 'host' | 'port' | 'dataDir'>;

/**
 * The address of a service that listens on `port`: PUBLIC_URL, or else a URL with host and port.
 */
export function serviceAddress({ publicUrl, host }: Place, port: number): string {
  if (publicUrl) return publicUrl;
  const isLocal = ['0.0.0.0', '::', '127.0.0.1', '::1'].includes(host);
  return `http://${isLocal ? 'localhost' : isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/**
 * The address of the service for this client: PUBLIC_URL, or else the address in the request. The
 * latter is safe between the quotes of a shell.
 */
export function addressAsked(
  { publicUrl }: Place,
  { protocol, headers }: { protocol: string; headers: { host?: string | undefined } },
): string {
  const { host = '' } = headers;
  return publicUrl ?? `${protocol}://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`;
}

/** Stores the address of a started service for commands, because its port may be any. */
export async function noteAddress({ dataDir }: Place, address: string): Promise<void> {
  await writeFile(noteIn(dataDir), `${address}\n`);
}

/**
 * The address of the service as a command knows it: PUBLIC_URL, the last stored one, or the
 * settings'.
 */
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
