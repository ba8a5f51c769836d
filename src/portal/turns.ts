import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Room } from '../http/room.ts';

const PAGES_AT_ONCE = 4;
const LONGEST_WAIT_MS = 10_000;

/**
 * Lets customers take turns on all routes that are registered after it: some of their pages are made
 * at once, of an account half of them at most. Else one that asks for many would take all
 * connections of the database.
 */
export function takeTurns(app: FastifyInstance): void {
  const room = new Room(PAGES_AT_ONCE, LONGEST_WAIT_MS);
  const owners = new WeakMap<FastifyRequest, string>();
  app.addHook('preHandler', async (request) => {
    const { session } = request;
    if (session?.role !== 'customer') return;
    const owner = String(session.username);
    await room.take(owner, 1);
    owners.set(request, owner);
  });
  // The page is made. It does not matter how long its reader takes.
  app.addHook('onSend', async (request) => {
    const owner = owners.get(request);
    if (owner === undefined) return;
    owners.delete(request);
    room.give(owner, 1);
  });
}
