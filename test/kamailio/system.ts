import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { cloneDatabase, databaseUrl } from '../support/postgres.ts';
import { startProxy } from '../support/proxy.ts';
import { type RunningService, startRunningService } from '../switches/service.ts';
import { SID } from '../switches/sid.ts';
import { type Switch, startSwitch } from './switch.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/kamailio/', import.meta.url));
const KAMAILIO_TABLES = `${process.env.KAMAILIO === 'sid' ? SID : ''}/usr/share/kamailio/postgres`;

/** The service in a separate process, and a Kamailio that uses it and its database. */
export interface System extends Omit<RunningService, 'start' | 'kill'> {
  sip: Switch;
  /** how to connect as Kamailio's role */
  kamailioUrl: string;
  startService: () => Promise<void>;
  /** kills the service, like a crash */
  killService: () => Promise<void>;
}

export async function startSystem(settings: Record<string, string> = {}): Promise<System> {
  requirePrograms();
  const { connection, drop } = await cloneDatabase();
  const { start, kill, ...running } = await startRunningService('kamailio', {
    DATABASE_URL: databaseUrl(connection),
    ...settings,
  });
  const proxy = await startProxy();
  const through = proxy.through(connection);
  const kamailioUrl = `postgres://kamailio:password@127.0.0.1:${through.port}/${through.database}`;
  const scripts = async (owner: pg.ClientConfig, files: string[]) => {
    const client = new pg.Client(owner);
    await client.connect();
    for (const file of files) await client.query(await readFile(file, 'utf8'));
    await client.end();
  };
  await scripts(connection, [join(DEPLOY, 'database.sql')]);
  const tables = ['standard-create.sql', 'usrloc-create.sql', 'dialog-create.sql'];
  await scripts(
    { connectionString: kamailioUrl },
    tables.map((name) => join(KAMAILIO_TABLES, name)),
  );
  await scripts(connection, [join(DEPLOY, 'contacts.sql')]);
  const sip = await startSwitch({ database: kamailioUrl, ingest: ingestUrl(running) });
  return {
    ...running,
    sip,
    kamailioUrl,
    startService: start,
    killService: kill,
    stop: async () => {
      await sip.stop();
      await running.stop();
      await proxy.close();
      await drop();
      const client = new pg.Client(JSON.parse(process.env.TEST_CONNECTION ?? '{}'));
      await client.connect();
      await client.query('DROP ROLE kamailio');
      await client.end();
    },
  };
}

/** The value for settings.cfg. */
export function ingestUrl({
  url,
  credentials,
}: Pick<RunningService, 'url' | 'credentials'>): string {
  return `${url.replace('http://', `http://${credentials}@`)}/ingest/v1`;
}

function requirePrograms(): void {
  const missing = ['kamailio', 'sipp'].filter((name) => spawnSync(name, ['-v']).error);
  if (missing.length === 0) return;
  throw new Error(
    `${missing.join(' and ')} must be installed: apt-get install kamailio kamailio-postgres-modules ` +
      'kamailio-extra-modules kamailio-utils-modules sip-tester',
  );
}
