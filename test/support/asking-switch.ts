import assert from 'node:assert/strict';
import { post, sharedService } from './service.ts';

/**
 * A service for the tests of one file, and a feed whose switch asks it about calls.
 * @returns headers: those of the feed; refusal: the body of a 402
 */
export function askingSwitch() {
  const headers = { authorization: '' };
  const api = sharedService({}, async () => {
    headers.authorization = await api.feed('generic');
  });
  const ask = (body: unknown, others = headers) =>
    post(`${api.url}/ingest/v1/authorize`, body, others);
  const refusal = async (account: number | string, dst = '2125550123', call_id = 'c1') => {
    const answer = await ask({ account, dst, call_id });
    assert.equal(answer.status, 402, JSON.stringify(answer.body));
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    return answer.body;
  };
  return { api, headers, ask, refusal };
}

/** The body of a 402. */
export const no = (message: string) => ({ statusCode: '402', status: 'Error', message });
