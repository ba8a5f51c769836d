import { mkdir, open, rename } from 'node:fs/promises';
import { type AddressInfo, isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildApp } from './app.ts';
import type { Config } from './config.ts';
import { type AdministratorCredentials, createFirstAdministrator } from './domain/administrator.ts';
import { startJobs } from './jobs/index.ts';
import { readMailTexts } from './mail/read-texts.ts';
import type { MailTexts } from './mail/texts.ts';
import { folderTransport, smtpTransport } from './mail/transport.ts';
import { type OpenService, openService } from './open-service.ts';

const LAST_ANSWERS_MS = 10_000;
const SWEEP_MS = 100;

/** Opens everything, listens, and says so on standard output. @returns how to stop it again */
export async function serve(config: Config, log: Logger): Promise<() => Promise<void>> {
  const texts = readMailTexts(config.mailTextsFile);
  const service = await openService(config, {
    role: 'server',
    onError: (error) => log.error({ err: error }, 'database'),
  });
  try {
    return await serveWith(service, texts, log);
  } catch (error) {
    await service.close();
    throw error;
  }
}

async function serveWith(
  service: OpenService,
  texts: MailTexts,
  log: Logger,
): Promise<() => Promise<void>> {
  const { config, db, keyring, clock } = service;
  const administrator = await createFirstAdministrator(
    db,
    { who: 'first start', from: 'server' },
    { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm },
    { name: 'Administrator', email: config.adminEmail },
    (credentials) => writeCredentials(config.dataDir, credentials),
  );
  const app = await buildApp(service, log);
  await app.listen({ port: config.port, host: config.host });
  const { port } = app.server.address() as AddressInfo;
  const publicUrl = config.publicUrl ?? localUrl(config.host, port);
  const transport = config.smtpUrl
    ? smtpTransport(config.smtpUrl)
    : folderTransport(join(config.dataDir, 'mail'));
  await startJobs(service, transport, { publicUrl, brand: config.brand, texts }, log);
  if (!publicUrl.startsWith('https:')) {
    log.warn({ publicUrl }, 'PUBLIC_URL is not https: cookies of the portal are not Secure');
  }
  announce(publicUrl, config, administrator);
  return async () => {
    log.info('stopping');
    await closeApp(app);
    await service.close();
    transport.close();
  };
}

/** Takes no more connections and finishes the requests in flight, unless they take too long. */
async function closeApp(app: FastifyInstance): Promise<void> {
  // A connection whose answer had begun is kept open by its header, and idle after it.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  const cut = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS_MS);
  await app.close();
  clearInterval(sweep);
  clearTimeout(cut);
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
