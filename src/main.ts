import { mkdir, open, rename } from 'node:fs/promises';
import { type AddressInfo, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { buildApp } from './app.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { EmbeddedDatabaseError } from './db/embedded/index.ts';
import { StoreUnavailable } from './db/errors.ts';
import { UnsupportedServer } from './db/migrate.ts';
import { type AdministratorCredentials, createFirstAdministrator } from './domain/administrator.ts';
import { KeyringError } from './domain/keyring.ts';
import { startJobs } from './jobs/index.ts';
import { folderTransport, smtpTransport } from './mail/transport.ts';
import { openService } from './open-service.ts';

const EXPLAINED = [ConfigError, EmbeddedDatabaseError, KeyringError, UnsupportedServer];
const STOP_TIMEOUT_MS = 25_000;

try {
  await start(loadConfig());
} catch (error) {
  console.error(`account-api: ${explain(error)}`);
  process.exit(1);
}

async function start(config: Config): Promise<void> {
  // Asynchronous: a line waits in memory for at most a moment instead of holding up its request.
  const log = pino(
    { level: config.logLevel, base: null },
    pino.destination({ sync: false, minLength: 4_096, periodicFlush: 200 }),
  );
  const service = await openService(config, {
    role: 'server',
    onError: (error) => log.error({ err: error }, 'database'),
  });
  const { db, keyring, clock } = service;
  const administrator = await createFirstAdministrator(
    db,
    { who: 'first start', from: 'server' },
    { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm },
    { name: 'Administrator', email: config.adminEmail },
  );
  if (administrator) await writeCredentials(config.dataDir, administrator);

  const app = await buildApp(service, log);
  await app.listen({ port: config.port, host: config.host });
  const { port } = app.server.address() as AddressInfo;
  const publicUrl = config.publicUrl ?? localUrl(config.host, port);
  const transport = config.smtpUrl
    ? smtpTransport(config.smtpUrl)
    : folderTransport(join(config.dataDir, 'mail'));
  await startJobs(service, transport, { publicUrl, brand: config.brand }, log);
  if (!publicUrl.startsWith('https:')) {
    log.warn({ publicUrl }, 'PUBLIC_URL is not https: cookies of the portal are not Secure');
  }
  announce(publicUrl, config, administrator);

  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    await app.close();
    await service.close();
    transport.close();
    log.flush();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Whole and private, or not there. */
async function writeCredentials(
  dataDir: string,
  { username, password, apikey }: AdministratorCredentials,
): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'admin.json');
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(
      `${JSON.stringify({ username: String(username), password, apikey }, null, 2)}\n`,
    );
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

function announce(
  publicUrl: string,
  config: Config,
  administrator: AdministratorCredentials | undefined,
): void {
  const lines = [
    `Account API is ready.`,
    `  API            ${publicUrl}/v2.1/account/`,
    `  Documentation  ${publicUrl}/docs/`,
    `  Portal         ${publicUrl}/`,
  ];
  if (administrator) {
    const { username, password, apikey } = administrator;
    lines.push(
      '',
      'The administrator of this new installation, shown this once:',
      `  Username  ${username}`,
      `  Password  ${password}`,
      `  API key   ${apikey}`,
      `They are also in ${join(config.dataDir, 'admin.json')}. Try:`,
      '',
      `  curl -X POST -H 'Authorization: Bearer ${apikey}' ${publicUrl}/v2.1/account/info/`,
      '',
    );
  }
  console.log(lines.join('\n'));
}

function localUrl(host: string, port: number): string {
  if (['0.0.0.0', '::', '127.0.0.1', '::1'].includes(host)) return `http://localhost:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function explain(error: unknown): string {
  if (EXPLAINED.some((kind) => error instanceof kind)) return (error as Error).message;
  if (error instanceof StoreUnavailable) {
    return `the database is not available: ${(error.cause as Error).message}`;
  }
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') return `port ${port} is in use; set PORT to another one`;
  return (error as Error).stack ?? String(error);
}
