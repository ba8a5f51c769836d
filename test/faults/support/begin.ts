import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { newDataFolder } from '../../support/prepared-data.ts';
import { Promises } from '../../support/promises.ts';
import {
  addGenericFeed,
  embeddedConnection,
  type Server,
  startServer,
} from '../../support/server.ts';

const MAIL_WAIT_MS = 120_000;

/** The service on a separate embedded database, and customers who may call. */
export interface Beginning {
  dataDir: string;
  server: Server;
  promises: Promises;
}

export async function begin(t: TestContext, env?: Record<string, string>): Promise<Beginning> {
  const dataDir = await newDataFolder('account-api-faults-');
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startServer(dataDir, env ? { env } : {});
  const promises = new Promises(await addGenericFeed(dataDir));
  await promises.open(server.url, 5);
  return { dataDir, server, promises };
}

/** Compares the promises with the database and the mails. */
export async function assertPromises({ dataDir, promises }: Omit<Beginning, 'server'>) {
  await promises.assertKept(embeddedConnection(dataDir));
  await promises.assertMailed(dataDir, MAIL_WAIT_MS);
}

/** Stops the service normally. */
export async function end(server: Server): Promise<void> {
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0);
}
