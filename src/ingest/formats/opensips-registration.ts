import type { ReportedContact } from '../../domain/sip/registration.ts';
import { MalformedRecord, wholeText } from '../record.ts';
import { expiryAt, toContact } from './contact.ts';

type Members = Record<string, unknown>;

const PREFIX = 'E_UL_CONTACT_';

/** Whether it is an event of OpenSIPS' usrloc: its name is the method of a JSON-RPC notification. */
export function isOpensipsEvent({ method, event }: Members): boolean {
  return [method, event].some((name) => typeof name === 'string' && name.startsWith(PREFIX));
}

/**
 * E_UL_CONTACT_INSERT, _UPDATE and _DELETE: a JSON-RPC notification as event_stream sends it, or
 * an object that holds the parameters beside `event`. `expires` is an absolute Unix time. The
 * events do not tell when they were raised, so they must come in their order.
 * Source: the documentation of module usrloc of OpenSIPS 3.5, and its modules/usrloc/ul_evi.h.
 */
export function readOpensipsEvent(record: Members, now: Date): ReportedContact {
  const name = wholeText(record.method ?? record.event, 'event');
  const params = (record.params ?? record) as Members;
  return toContact({
    users: [params.aor],
    contact: params.uri ?? params.address,
    received: params.received,
    userAgent: params.user_agent,
    reportedAt: now,
    expiresAt: name === `${PREFIX}DELETE` ? now : expiryOf(name, params.expires, now),
  });
}

function expiryOf(name: string, expires: unknown, now: Date): Date {
  if (name !== `${PREFIX}INSERT` && name !== `${PREFIX}UPDATE`) {
    throw new MalformedRecord('event is unknown');
  }
  return expiryAt(now, expires);
}
