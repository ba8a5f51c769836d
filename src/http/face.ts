import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../domain/refusal.ts';

/** How failures look to a client. */
export interface Envelope {
  status: (refusal: Refusal) => number;
  /** the sentence that a client reads for a refusal */
  word: (refusal: Refusal) => string;
  /** the body of a failure; without a message, with the one that goes with the status */
  failure: (status: number, message?: string, requirement?: string) => object;
}

/** Where an operation is found. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT';
  /** the one that documents show first */
  paths: [string, ...string[]];
  /** of a success */
  status: 200 | 201;
}

/** A version of the API, as its clients meet it: the operations behind all of them are the same. */
export interface Face extends Envelope {
  /** @param operation its name, such as `info` */
  route: (operation: string) => Route;
  /** what a request asks with, and the key that it presents, of whatever type */
  read: (request: FastifyRequest) => { fields: Record<string, unknown>; key: unknown };
  /** the body of a success. @param members JSON text of the operation's own members */
  success: (members: string) => string;
}
