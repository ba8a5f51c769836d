import type { FastifyInstance } from 'fastify';
import { holdRoom } from '../http/hold-room.ts';
import { Room } from '../http/room.ts';

const PAGES_AT_ONCE = 4;
const LONGEST_WAIT_MS = 10_000;

/**
 * Lets customers take turns on all routes that are registered after it: some of their pages are made
 * at once, of an account half of them at most. Else one that asks for many would take all
 * connections of the database.
 */
export function takeTurns(app: FastifyInstance): void {
  const hold = holdRoom(app, new Room(PAGES_AT_ONCE, LONGEST_WAIT_MS));
  app.addHook('preHandler', async (request) => {
    const { session } = request;
    if (session?.role === 'customer') await hold(request, String(session.username), 1);
  });
}
