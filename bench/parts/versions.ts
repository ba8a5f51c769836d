import { makeAccounts, makeCalls, settle } from '../data.ts';
import { atLeast, atMost, figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import { cdrMilliseconds, infoRate } from '../workloads.ts';

const ACCOUNTS = 2_000;
const ROWS = 10_000;
const REPEATS = 10;
const LEAST = 0.9;
const MOST = 1.1;

/** Operations of v2.2, compared with the same operations of v2.1. */
export const versions: Part = async (stage, { rounds, seconds }) => {
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: 500 });
  const { username = 0, key = '' } = accounts[0] ?? {};
  await makeCalls(stage, { accounts: [username], first: 2_000_000_000, calls: ROWS, days: 1 });
  await settle(stage);
  const { port, stop } = await stage.startService();
  const cdr = (version: 'v2.1' | 'v2.2') => () =>
    cdrMilliseconds(stage, port, { key, rows: ROWS }, { readers: 1, repeats: REPEATS, version });
  const values = await interleave(rounds, {
    info: infoRate(stage, port, accounts, seconds),
    account: infoRate(stage, port, accounts, seconds, 'v2.2'),
    cdr: cdr('v2.1'),
    cdr22: cdr('v2.2'),
  });
  await stop();
  return {
    figures: [
      figure({
        part: 'versions',
        name: 'GET /v2.2/account',
        ours: values.account,
        limit: values.info,
        limitName: 'info of v2.1',
        unit: 'requests/s',
        target: atLeast(LEAST),
      }),
      figure({
        part: 'versions',
        name: 'GET /v2.2/account/cdr, 10,000 rows',
        ours: values.cdr22,
        limit: values.cdr,
        limitName: 'cdr of v2.1',
        unit: 'ms',
        target: atMost(MOST),
      }),
    ],
    leftOut: [],
  };
};
