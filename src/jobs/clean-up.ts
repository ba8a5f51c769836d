import { ensureCurrentPartitions } from '../domain/call-partition.ts';
import { releaseStaleReservations } from '../domain/promotion.ts';
import { deleteExpiredContacts } from '../domain/registration.ts';
import { deleteOldTokens } from '../domain/token.ts';
import type { Service } from '../service.ts';

/** Removes what has no more use, and makes the partitions of the months to come. */
export async function cleanUp({ db, clock }: Service): Promise<void> {
  const now = clock();
  await deleteOldTokens(db, now);
  await deleteExpiredContacts(db, now);
  await releaseStaleReservations(db, now);
  await ensureCurrentPartitions(db, now);
}
