import type { OperatorKey } from '../../domain/access/operator-key.ts';
import type { Scope } from '../../domain/access/operator-scope.ts';
import type { Actor } from '../../domain/audit.ts';
import type { TSchema } from '../../http/schema.ts';
import type { Service } from '../../service.ts';
import type { Fields, ValuesOf } from './field.ts';

export const BASE = '/operator/v1';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a request asks, each value read and checked. */
export interface Call<P extends Fields, Q extends Fields, B extends Fields> {
  service: Service;
  key: OperatorKey;
  /** the key, as audit trail and ledger name it */
  actor: Actor;
  now: Date;
  /** billing accounts that the key may see, with those billed to them; undefined: all */
  reach: number[] | undefined;
  params: ValuesOf<P>;
  query: ValuesOf<Q>;
  body: ValuesOf<B>;
  /** of a route that takes a file: its bytes */
  file: { bytes: Buffer; type: string };
  headers: Record<string, string | string[] | undefined>;
  /** where the page before ended, of a list */
  after: unknown[] | undefined;
  /** the cursor that goes on after a row, of a list */
  cursor: (position: unknown[]) => string;
  /** the address of the request without its cursor, of a list */
  address: string;
}

export interface Answered {
  status: number;
  /** sent as JSON; left out, there is no body */
  body?: unknown;
  headers?: Record<string, string>;
}

/**
 * One route, told once for the router, the checks, the access of keys, the OpenAPI document and the
 * tests.
 */
export interface Route<
  P extends Fields = Fields,
  Q extends Fields = Fields,
  B extends Fields = Fields,
> {
  method: Method;
  /** below BASE, such as `/accounts/{username}` */
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  /** null: any key */
  scope: Scope | null;
  params?: P;
  query?: Q;
  body?: B;
  /** media types of a body that is a file */
  file?: readonly string[];
  /** a body may be left out */
  bodyIsOptional?: true;
  /** whether an Idempotency-Key must be there; left out, a POST or PATCH may have one */
  idempotency?: 'required';
  /** done again it changes nothing, and needs no Idempotency-Key */
  isNatural?: true;
  /** its answers have an ETag that If-Match is held against */
  tagged?: true;
  /** each status of a success with the schema of its body; null: none */
  answers: Record<number, TSchema | null>;
  example?: unknown;
  handle: (call: Call<P, Q, B>) => Promise<Answered>;
}

type None = Record<never, never>;

/** Keeps the types of a route's values on its way into the list. */
export function route<P extends Fields = None, Q extends Fields = None, B extends Fields = None>(
  definition: Route<P, Q, B>,
): Route {
  return definition as unknown as Route;
}
