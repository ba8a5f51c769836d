import { hash } from 'node:crypto';
import type { Register, ReportedContact } from '../../domain/sip/reported-contact.ts';
import { decimalOf, MalformedRecord, wholeText } from '../record.ts';
import { expiryAt, toContact } from './contact.ts';

type Members = Record<string, unknown>;

const PREFIX = 'E_UL_CONTACT_';

/** Whether a record is a usrloc event of OpenSIPS; a JSON-RPC notification's method names it. */
export function isOpensipsEvent({ method, event }: Members): boolean {
  return [method, event].some((name) => typeof name === 'string' && name.startsWith(PREFIX));
}

/**
 * E_UL_CONTACT_INSERT, _UPDATE and _DELETE: a JSON-RPC notification as event_stream sends it, or
 * an object that holds the parameters beside `event`. `expires` is an absolute Unix time. The
 * events have no time, and OpenSIPS' event routes run in parallel. So `callid` and `cseq` of the
 * contact's last REGISTER show which event is older, also after the contact has ended.
 * Source: the documentation of module usrloc of OpenSIPS 3.5, and its modules/usrloc/ul_evi.c.
 */
export function readOpensipsEvent(record: Members, now: Date): ReportedContact {
  const name = wholeText(record.method ?? record.event, 'event');
  const params = (record.params ?? record) as Members;
  const contact = toContact({
    users: [params.aor],
    contact: params.uri ?? params.address,
    received: params.received,
    userAgent: params.user_agent,
    reportedAt: now,
    expiresAt: name === `${PREFIX}DELETE` ? now : expiryOf(name, params.expires, now),
  });
  const register = registerOf(params);
  return register ? { ...contact, register } : contact;
}

function registerOf({ callid, cseq }: Members): Register | undefined {
  const number = decimalOf(cseq);
  if (typeof callid !== 'string' || !Number.isSafeInteger(number)) return undefined;
  return { callId: hash('sha256', callid).slice(0, 32), cseq: number as number };
}

function expiryOf(name: string, expires: unknown, now: Date): Date {
  if (name !== `${PREFIX}INSERT` && name !== `${PREFIX}UPDATE`) {
    throw new MalformedRecord('event is unknown');
  }
  return expiryAt(now, expires);
}
