import type { OperatorKey } from '../../../domain/access/operator-key.ts';
import type { Scope } from '../../../domain/access/operator-scope.ts';
import type { Actor } from '../../../domain/audit.ts';
import type { TSchema } from '../../../http/schema.ts';
import type { Service } from '../../../service.ts';
import type { Fields, ValuesOf } from './field.ts';

export const BASE = '/operator/v1';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request, with all values read and checked. */
export interface Call<P extends Fields, Q extends Fields, B extends Fields> {
  service: Service;
  key: OperatorKey;
  /** the key's name for audit trail and ledger */
  actor: Actor;
  now: Date;
  /** billing accounts that the key may use, with their sub-accounts; undefined: all */
  reach: number[] | undefined;
  params: ValuesOf<P>;
  query: ValuesOf<Q>;
  body: ValuesOf<B>;
  /** for a route that takes a file */
  file: { bytes: Buffer; type: string };
  headers: Record<string, string | string[] | undefined>;
  /** which of the media types of `produces` the client prefers */
  accepted: string;
  /** for a list: the end of the previous page */
  after: unknown[] | undefined;
  /** for a list: makes the cursor that continues after a row */
  cursor: (position: unknown[]) => string;
  /** for a list: the URL of the request without its cursor */
  address: string;
}

export interface Answered {
  status: number;
  /** sent as JSON; if left out, there is no body */
  body?: unknown;
  /** sent instead of a body, as the client takes it */
  stream?: AsyncIterable<string>;
  headers?: Record<string, string>;
}

/** A route without its method and path: the checks, the rights of keys, the work. */
interface Definition<
  P extends Fields = Fields,
  Q extends Fields = Fields,
  B extends Fields = Fields,
> {
  summary: string;
  description?: string;
  /** null: any key */
  scope: Scope | null;
  params?: P;
  query?: Q;
  body?: B;
  /** media types, if the body is a file */
  file?: readonly string[];
  /** an Idempotency-Key is required; if left out, it is optional for a POST or PATCH */
  idempotency?: 'required';
  /** a repeated request changes nothing, so it needs no Idempotency-Key */
  isNatural?: true;
  /** its answers have an ETag, against which If-Match is checked */
  tagged?: true;
  /** statuses of problems that other routes do not have */
  problems?: number[];
  /** the media types that an answer may have, the usual one first; left out: JSON */
  produces?: readonly string[];
  /** each status of a success with the schema of its body; null: no body */
  answers: Record<number, TSchema | null>;
  handle: (call: Call<P, Q, B>) => Promise<Answered>;
}

/**
 * One definition of a route for the router, the checks, the rights of keys, the OpenAPI document
 * and the tests.
 */
export interface Route extends Definition {
  method: Method;
  /** below BASE, such as `/accounts/{username}` */
  path: string;
  operationId: string;
  /** the group in which the document shows it */
  tag: string;
}

type None = Record<never, never>;

/**
 * Defines the routes of a group. The types of a route's values are checked where it is defined.
 * @returns a function of method and path, operation id, and the rest of the definition
 */
export function routesOf(tag: string) {
  return <P extends Fields = None, Q extends Fields = None, B extends Fields = None>(
    at: `${Method} /${string}`,
    operationId: string,
    definition: Definition<P, Q, B>,
  ): Route => {
    const [method, path] = at.split(' ') as [Method, string];
    return { tag, method, path, operationId, ...(definition as unknown as Definition) };
  };
}
