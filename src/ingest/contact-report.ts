import type { ReportedContact } from '../domain/sip/reported-contact.ts';
import { expiryAfter, reportTime, toContact } from './formats/contact.ts';
import { MalformedRecord } from './record.ts';

/**
 * The service's own form, which `deploy/kamailio/kamailio.cfg` pushes: `event` (register,
 * unregister or expired), `user` or `aor`, `contact`, `received`, `user_agent`, `expires` and `ts`.
 * On register, `expires` counts seconds from `ts`. On other events Kamailio sends an absolute time,
 * which is ignored. `ruid` is ignored too, because it can belong to another contact.
 */
export function readContactReport(record: Record<string, unknown>, now: Date): ReportedContact {
  const reportedAt = reportTime(record.ts, now);
  return toContact({
    users: [record.user, record.account, record.aor],
    contact: record.contact,
    received: record.received,
    userAgent: record.user_agent,
    reportedAt,
    expiresAt: isEnd(record.event) ? reportedAt : expiryAfter(reportedAt, record.expires),
  });
}

function isEnd(event: unknown): boolean {
  if (event === 'unregister' || event === 'expired') return true;
  if (event !== 'register') throw new MalformedRecord('event is unknown');
  return false;
}
