import type { Logger } from 'pino';
import { postMonthlyCharges } from '../domain/billing/charge-run.ts';
import type { Service } from '../service.ts';

const PROGRESS_EVERY = 1_000;

/** Posts the monthly charges that are due, also for months in which the service did not run. */
export async function postDueCharges(service: Service, log: Logger): Promise<void> {
  const { db, queue, clock, config } = service;
  const run = await postMonthlyCharges(db, queue, {
    now: clock(),
    prorate: config.prorateCharges,
    onProgress: ({ accounts, charges }) => {
      if (accounts % PROGRESS_EVERY === 0) log.info({ accounts, charges }, 'posting charges');
    },
  });
  const { accounts, charges, amount, failures } = run;
  for (const { account, error } of failures) {
    log.error({ account, err: error }, 'monthly charge not posted');
  }
  if (accounts > 0) log.info({ accounts, charges, amount }, 'monthly charges posted');
  if (failures.length > 0) throw new Error(`${failures.length} accounts could not be charged`);
}
