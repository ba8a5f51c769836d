import { makeAccounts } from '../data.ts';
import { atLeast, figure } from '../figure.ts';
import { postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import { answerOf } from '../stage.ts';
import { INFO_PATH } from '../workloads.ts';

const CONNECTIONS = 64;
const ADDRESS = '192.0.2.77';

/** Answers to an address whose limit is used up. */
export const limited: Part = async (stage, { rounds, seconds }) => {
  const [account] = await makeAccounts(stage, { accounts: 1, withKeys: 1 });
  const key = account?.key ?? '';
  const service = await stage.startService({ RATE_LIMIT_PER_HOUR: '6' });
  const forwarded = { 'x-forwarded-for': ADDRESS };
  for (let n = 0; n < 6; n++) await answerOf(service.port, INFO_PATH, key, forwarded);
  const answer = await answerOf(service.port, INFO_PATH, key, forwarded);
  const bare = await stage.startPeer('node-http', {
    STATUS: String(answer.status),
    HEADERS: JSON.stringify(answer.headers),
    BODY: answer.body,
  });
  const requests = [
    postBytes(INFO_PATH, [`Authorization: Bearer ${key}`, `X-Forwarded-For: ${ADDRESS}`]),
  ];
  const rate = (port: number) => async () => {
    const job = { kind: 'seconds', port, connections: CONNECTIONS, seconds, requests } as const;
    const outcome = await stage.load.run(job, '429');
    return outcome.requests / outcome.seconds;
  };
  const values = await interleave(rounds, { bare: rate(bare.port), ours: rate(service.port) });
  await service.stop();
  await bare.stop();
  return {
    figures: [
      figure({
        part: 'limited',
        name: 'over the limit: 429',
        ours: values.ours,
        limit: values.bare,
        limitName: 'bare node:http',
        unit: 'requests/s',
        target: atLeast(0.75),
      }),
    ],
    leftOut: [],
  };
};
