import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../domain/refusal.ts';
import type { TObject, TSchema } from './schema.ts';

/** How failures look to a client. */
export interface Envelope {
  /** the media type of failures, where it is not that of JSON */
  type?: string;
  status: (refusal: Refusal) => number;
  /** the body of a failure; without a refusal, with the text that goes with the status */
  failure: (status: number, refusal?: Refusal) => object;
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
  /** by the name of the operation, such as `info` */
  routes: Record<string, Route>;
  /** what a request asks with, and the key that it presents, of whatever type */
  read: (request: FastifyRequest) => { fields: Record<string, unknown>; key: unknown };
  /** a key is checked before anything else of an administrator's operation */
  checksKeyFirst: boolean;
  /** request headers that pages of other origins may send */
  requestHeaders: string;
  /** the body of a success. @param members JSON text of the operation's own members */
  success: (members: string) => string;
  /** for the document */
  document: {
    /** the name of the bearer scheme */
    security: string;
    success: (members: Record<string, TSchema>) => TObject;
    failure: (status: number) => Record<string, TSchema>;
  };
}
