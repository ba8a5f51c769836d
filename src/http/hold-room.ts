import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Room } from './room.ts';

/**
 * Lets requests hold a part of a room until their answer is made. It does not matter how long a
 * client takes to read the answer.
 * @returns takes it, once for a request. It throws a Refusal 'busy' where the wait takes too long.
 */
export function holdRoom(
  app: FastifyInstance,
  room: Room,
): (request: FastifyRequest, owner: string, amount: number) => Promise<void> {
  const held = new WeakMap<FastifyRequest, () => void>();
  app.addHook('onSend', async (request) => {
    held.get(request)?.();
    held.delete(request);
  });
  return async (request, owner, amount) => {
    await room.take(owner, amount);
    held.set(request, () => room.give(owner, amount));
  };
}
