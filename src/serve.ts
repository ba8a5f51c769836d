import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import {
  type AdministratorCredentials,
  createFirstAdministrator,
} from './domain/account/administrator.ts';
import type { Sender } from './mail/letter.ts';
import { readMailTexts } from './mail/read-texts.ts';
import { folderTransport, smtpTransport } from './mail/transport.ts';
import { type OpenService, openService } from './open-service.ts';
import { ownKeyFile } from './secret-key.ts';
import { noteAddress, serviceAddress } from './service-address.ts';
import { startWorkers } from './workers.ts';

/** A running service. */
export interface Running {
  /** replaces the workers one by one, if there are any */
  renew: () => Promise<void>;
  stop: () => Promise<void>;
}

/** Opens everything, listens, and reports it on standard output. */
export async function serve(config: Config, log: Logger): Promise<Running> {
  const texts = readMailTexts(config);
  const service = await openMeanwhile(config, log, true);
  try {
    return await serveWith(service, texts, log);
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** Only answers requests, on the database that the first process of the service has opened. */
export async function serveAsWorker(config: Config, log: Logger): Promise<Running> {
  const service = await openMeanwhile(config, log, false);
  const { listen } = await import('./front.ts');
  // Waits before it listens: meanwhile other workers answer, and this one would be slow.
  await service.queue.ready();
  const { close, leave } = await listen(service, log);
  const endWith = (end: () => Promise<void>) => async () => {
    await end();
    await service.close();
  };
  return { renew: endWith(leave), stop: endWith(close) };
}

/** Opens the service; loads the modules that answer requests while PostgreSQL starts. */
async function openMeanwhile(
  config: Config,
  log: Logger,
  worksQueues: boolean,
): Promise<OpenService> {
  const onError = (error: Error) => log.error({ err: error }, 'database');
  const opening = openService(config, { role: 'server', worksQueues, onError });
  const isFirstOfWorkers = worksQueues && config.workers > 1;
  await Promise.allSettled([opening, isFirstOfWorkers ? undefined : import('./front.ts')]);
  return opening;
}

async function serveWith(
  service: OpenService,
  texts: Sender['texts'],
  log: Logger,
): Promise<Running> {
  const { config, db, keyring, clock } = service;
  // The routes are made while the hash of the first password is computed.
  const [administrator, front] = await Promise.all([
    createFirstAdministrator(
      db,
      { who: 'first start', from: 'server' },
      { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm },
      {
        name: 'Administrator',
        email: config.adminEmail,
        keep: (credentials) => writeCredentials(config.dataDir, credentials),
      },
    ),
    config.workers > 1
      ? startWorkers(config.workers, workerSettings(service), log)
      : import('./front.ts').then(({ listen }) => listen(service, log)),
  ]);
  const publicUrl = serviceAddress(config, front.port);
  // A read-only folder is no reason not to serve.
  await noteAddress(config, publicUrl).catch((error) =>
    log.warn({ err: error }, 'address not noted'),
  );
  const transport = config.smtpUrl
    ? smtpTransport(config.smtpUrl)
    : folderTransport(join(config.dataDir, 'mail'));
  const { startJobs } = await import('./jobs/index.ts');
  const stopJobs = await startJobs(
    service,
    transport,
    { publicUrl, brand: config.brand, currency: config.currency, texts, language: config.language },
    log,
  );
  if (!publicUrl.startsWith('https:')) {
    log.warn({ publicUrl }, 'PUBLIC_URL is not https: cookies of the portal are not Secure');
  }
  announce(publicUrl, config, administrator);
  return {
    renew: async () => front.renew?.(),
    stop: async () => {
      log.info('stopping');
      await front.close();
      await stopJobs();
      await service.close();
      transport.close();
    },
  };
}

/** Workers use the embedded database like any other. */
function workerSettings({ config, embedded }: OpenService): Record<string, string> {
  if (!embedded) return {};
  const { host, port, user, database } = embedded.connection;
  const keyFile = ownKeyFile(config);
  return {
    DATABASE_URL: `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`,
    ...(keyFile ? { SECRET_KEY_FILE: keyFile } : {}),
  };
}

/** Writes the file completely and private, or leaves no file. */
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
