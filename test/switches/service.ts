import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.ts';
import { sipSecret } from '../../src/domain/account/credentials.ts';
import { addFeed, type Feed } from '../../src/domain/calls/feed.ts';
import { type OpenService, openService } from '../../src/open-service.ts';
import { type Phone, REALM } from '../kamailio/switch.ts';
import { freePort } from '../support/free-port.ts';
import { type Server, serverEnv, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';

const ACTOR = { who: 'operator test', from: 'test' };

export interface Customer extends Phone {
  username: number;
  apikey: string;
}

/** The service in a separate process, as switches see it. */
export interface RunningService {
  url: string;
  /** user:secret of the feed */
  credentials: string;
  /** the same database, with the operator's functions */
  service: OpenService;
  /** a customer who signs up; the SIP secret is read in the portal's way */
  signUp: () => Promise<Customer>;
  /** calls an operation of the API. @returns status and body */
  ask: (operation: string, apikey: string) => ReturnType<typeof post>;
  start: () => Promise<void>;
  /** kills it, like a crash */
  kill: () => Promise<void>;
  stop: () => Promise<void>;
}

/** @param settings with a DATABASE_URL to replace the embedded database */
export async function startRunningService(
  format: Feed['format'],
  settings: Record<string, string> = {},
): Promise<RunningService> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-test-'));
  const secretKeyFile = join(folder, 'secret.key');
  await writeFile(secretKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const port = await freePort('tcp');
  const dataDir = join(folder, 'data');
  const env = {
    SECRET_KEY_FILE: secretKeyFile,
    SIP_REALM: REALM,
    PORT: String(port),
    ...settings,
  };
  let server: Server | undefined;
  const start = async () => {
    server = await startServer(dataDir, { env });
  };
  const kill = async () => {
    server?.kill('SIGKILL', 'group');
    await server?.ended;
  };
  await start();
  const service = await openService(loadConfig(serverEnv(dataDir, env)), {
    role: 'command',
    onError: () => undefined,
  });
  const feed: Feed = {
    name: 'switch-1',
    format,
    networks: ['127.0.0.1'],
    debits: 'service',
    timeZone: 'UTC',
  };
  const secret = await addFeed(
    service.db,
    ACTOR,
    { keyring: service.keyring, now: new Date() },
    feed,
  );
  const url = `http://127.0.0.1:${port}`;
  const operation = (name: string, body: object) => post(`${url}/v2.1/account/${name}/`, body);
  return {
    url,
    credentials: `${feed.name}:${secret}`,
    service,
    signUp: async () => {
      const email = `user-${randomBytes(6).toString('hex')}@example.com`;
      const created = await operation('signup', { name: 'Example Company', email });
      const { username, password } = created.body.account;
      const { body } = await operation('apikey', { username, password });
      const tools = { keyring: service.keyring, realm: REALM };
      const { secret } = await sipSecret(service.db, tools, username, new Date());
      return { username, apikey: body.apikey, secret };
    },
    ask: (name, apikey) => operation(name, { apikey }),
    start,
    kill,
    stop: async () => {
      await service.close();
      server?.kill('SIGTERM');
      await server?.ended;
      // After a killed service, PostgreSQL may still be writing.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
