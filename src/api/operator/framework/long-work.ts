import {
  beginOperation,
  type NewOperation,
  type Operation,
} from '../../../domain/operation/operation.ts';
import type { Fields } from './field.ts';
import { problemBody, problemOfCode } from './problem.ts';
import { type Answered, BASE, type Call } from './route.ts';
import * as s from './schemas.ts';

export const operationSchema = s.object({
  id: s.name,
  kind: s.name,
  status: s.name,
  progress: s.object({ done: s.whole, total: s.orNull(s.whole), unit: s.name }),
  result: s.anything,
  error: s.anything,
  createdBy: s.name,
  createdAt: s.moment,
  startedAt: s.orNull(s.moment),
  finishedAt: s.orNull(s.moment),
});

/** An operation as its key sees it; what went wrong is told as for a request. */
export function shownOperation({ place: _, error, ...operation }: Operation & { place?: string }) {
  const { code, detail } = (error ?? {}) as { code: string; detail: string };
  return { ...operation, error: error === null ? null : problemBody(problemOfCode(code, detail)) };
}

/** What begins long work needs of a request. */
export type Asked = Pick<Call<Fields, Fields, Fields>, 'service' | 'actor' | 'key' | 'now'>;

/** Begins long work: 202 with the operation, which has the progress. */
export async function begin(
  { service, actor, key, now }: Asked,
  work: Omit<NewOperation, 'createdBy'>,
): Promise<Answered> {
  const wanted = { ...work, createdBy: key.id };
  const operation = await beginOperation(service.db, service.queue, actor, wanted, now);
  const location = `${BASE}/operations/${operation.id}`;
  return { status: 202, body: operation, headers: { location } };
}
