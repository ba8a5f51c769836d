import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../domain/refusal.ts';
import type { TObject, TSchema } from './schema.ts';

/** The form of failures for a client. */
export interface Envelope {
  /** the media type of failures, if it is not that of JSON */
  type?: string;
  status: (refusal: Refusal) => number;
  /** the body of a failure; without a refusal it has the text of the status */
  failure: (status: number, refusal?: Refusal, requestId?: string) => object;
  /** failures have the header X-Request-Id */
  namesRequests?: true;
}

/** Method and paths of an operation. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT';
  /** documents show the first one */
  paths: [string, ...string[]];
  /** of a success */
  status: 200 | 201;
}

/** The wire format of a version of the API. All versions use the same operations. */
export interface Face extends Envelope {
  /** by the name of the operation, such as `info` */
  routes: Record<string, Route>;
  /** the fields of a request, and the key that it presents, of any type */
  read: (request: FastifyRequest) => { fields: Record<string, unknown>; key: unknown };
  /** whether an administrator's operation checks the key before anything else */
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
