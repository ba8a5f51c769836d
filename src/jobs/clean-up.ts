import { announceExpiringKeys } from '../domain/access/expiring-keys.ts';
import { tidyLimits } from '../domain/access/hourly-limit.ts';
import { deleteOldAnswers } from '../domain/access/kept-answer.ts';
import { deleteOldKept } from '../domain/access/kept-for-page.ts';
import { deleteOldOrigins } from '../domain/access/known-origin.ts';
import { deleteOldSessions } from '../domain/access/session.ts';
import { deleteOldAttempts } from '../domain/access/sign-in.ts';
import { releaseStaleReservations } from '../domain/account/promotion.ts';
import { deleteOldTokens } from '../domain/account/token.ts';
import { ensureCurrentPartitions } from '../domain/calls/call-partition.ts';
import { retireCalls } from '../domain/calls/call-retention.ts';
import { deleteOldRuns } from '../domain/moving/import-run.ts';
import { deleteOldOperations } from '../domain/operation/operation.ts';
import { deleteEndedPrices } from '../domain/rating/price-versions.ts';
import { deleteExpiredContacts } from '../domain/sip/registration.ts';
import { completeSipSecrets } from '../domain/sip/sip-secret.ts';
import { dropOldEvents } from '../domain/webhook/event-log.ts';
import type { Service } from '../service.ts';

/**
 * Deletes old data, retires months of calls, and makes the partitions of the coming months. Also
 * makes SIP secrets that are missing or belong to another realm. Runs at each start and on a
 * schedule.
 */
export async function cleanUp({ db, keyring, config, clock }: Service): Promise<void> {
  const now = clock();
  await deleteOldTokens(db, now);
  await deleteOldSessions(db, now, config.sessionLife);
  await deleteOldKept(db, now);
  await deleteOldAnswers(db, now);
  await deleteOldAttempts(db, now);
  await deleteOldOrigins(db, now);
  await deleteOldOperations(db, now);
  await announceExpiringKeys(db, now);
  await dropOldEvents(db, now, config.eventDays);
  await deleteOldRuns(db, now);
  await deleteExpiredContacts(db, now);
  await releaseStaleReservations(db, now);
  await tidyLimits(db);
  await ensureCurrentPartitions(db, now);
  await completeSipSecrets(db, { keyring, realm: config.sipRealm }, now);
  await retireCalls(db, now, config.retentionMonths, config.archiveCalls);
  await deleteEndedPrices(db);
}
