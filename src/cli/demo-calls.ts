import { createHash } from 'node:crypto';
import type { CallOutcome } from '../domain/calls/call-outcome.ts';

const DAYS = 30;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const WEEKDAY_CALLS = 8;
const WEEKEND_CALLS = 2;
const OPENS_AT_HOUR_UTC = 13;
const OPEN_HOURS = 9;
const ANSWERED = 0.85;
const INBOUND = 0.4;
const MEAN_TALK_SECONDS = 150;
const LONGEST_TALK_SECONDS = 2_700;
const AREA_CODES = ['212', '312', '415', '617', '702'];
const NOT_ANSWERED: CallOutcome[] = ['no answer', 'no answer', 'busy', 'cancelled', 'unavailable'];
const CALLER_NAMES = ['Example Customer', 'Sample Supplies', 'Anna Example', 'Bob Sample'];

export interface DemoCaller {
  username: number;
  /** its phone number */
  number: string;
  /** the address it calls from */
  ip: string;
}

/**
 * The calls of the 30 days before a moment, oldest first, each a line of the generic format.
 * The same callers and moment give the same lines.
 */
export function demoCalls(callers: DemoCaller[], until: Date): string[] {
  const today = Math.floor(until.getTime() / DAY_MS);
  const calls: { startMs: number; line: string }[] = [];
  for (let day = today - DAYS; day <= today; day++) {
    const weekday = new Date(day * DAY_MS).getUTCDay();
    const count = weekday === 0 || weekday === 6 ? WEEKEND_CALLS : WEEKDAY_CALLS;
    for (const caller of callers) {
      for (let n = 1; n <= count; n++) calls.push(demoCall(caller, day, n));
    }
  }
  return calls
    .filter(({ startMs }) => startMs < until.getTime() - HOUR_MS)
    .sort((one, other) => one.startMs - other.startMs)
    .map(({ line }) => line);
}

function demoCall({ username, number, ip }: DemoCaller, day: number, n: number) {
  const id = `demo ${username} ${day} ${n}`;
  // The values look random but are the same each time.
  const bytes = createHash('sha256').update(id).digest();
  const share = (position: number) => bytes.readUInt16BE(position) / 65_536;
  const pick = <T>(list: T[], position: number) => list[(bytes[position] ?? 0) % list.length];
  const startMs = day * DAY_MS + (OPENS_AT_HOUR_UTC + share(0) * OPEN_HOURS) * HOUR_MS;
  const talk = Math.min(-Math.log(1 - share(2)) * MEAN_TALK_SECONDS, LONGEST_TALK_SECONDS);
  const line = String(Math.floor(share(4) * 100)).padStart(2, '0');
  const other = `${pick(AREA_CODES, 6)}55501${line}`;
  const isInbound = share(8) < INBOUND;
  const isAnswered = share(10) < ANSWERED;
  const call = {
    id,
    account: username,
    start: Math.floor(startMs / 1_000),
    duration: isAnswered ? Number(talk.toFixed(2)) : 0,
    outcome: isAnswered ? 'answered' : pick(NOT_ANSWERED, 12),
    cid: isInbound ? other : number,
    dst: isInbound ? number : other,
    ip: isInbound ? '192.0.2.200' : ip,
    cn: isInbound ? pick(CALLER_NAMES, 7) : undefined,
  };
  return { startMs, line: JSON.stringify(call) };
}
