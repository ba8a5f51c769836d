import { decimalOf, MalformedRecord, momentOf } from '../record.ts';

const LOCAL =
  /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?$/;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Which of the two counts, in an hour that clocks show twice. */
type Repeated = 'first' | 'last';

/**
 * Reads a time like `2026-11-23 22:11:05` (databases, Asterisk) or in ISO 8601. A zone in the text
 * takes precedence. A time in a skipped hour is read with the offset before the change.
 * @param timeZone a name of the IANA database; undefined: the text must have a zone
 * @throws MalformedRecord
 */
export function localTime(
  value: unknown,
  name: string,
  timeZone: string | undefined,
  repeated: Repeated = 'first',
): Date {
  const parts = typeof value === 'string' ? LOCAL.exec(value) : null;
  if (!parts) throw new MalformedRecord(`${name} is no time`);
  const fields = parts.slice(1, 7).map((digits = '0') => Number(digits));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  const milliseconds = Number((parts[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const wall = Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
  // JavaScript would read 30 February as a day in March, and minute 60 as the next hour.
  const shown = new Date(wall).toISOString().slice(0, 19).split(/[-T:]/).map(Number);
  if (shown.join() !== fields.join()) throw new MalformedRecord(`${name} is no time`);
  if (parts[8]) return new Date(wall - zoneOffset(parts[8]));
  if (!timeZone) throw new MalformedRecord(`${name} has no time zone`);
  return new Date(toInstant(wall, timeZone, repeated));
}

/** Reads Unix seconds like `momentOf`, or a time like `localTime`. */
export function momentOrLocal(
  value: unknown,
  name: string,
  timeZone: string | undefined,
  repeated?: Repeated,
): Date {
  const isText = typeof value === 'string' && decimalOf(value) === undefined;
  return isText ? localTime(value, name, timeZone, repeated) : momentOf(value, name);
}

/** @param wall the clock's reading, taken as UTC */
function toInstant(wall: number, timeZone: string, repeated: Repeated): number {
  const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((at) => offsetAt(at, timeZone));
  const first = wall - (before ?? 0);
  if (before === after) return first;
  const second = wall - (after ?? 0);
  const shown = [first, second].filter((at) => at + offsetAt(at, timeZone) === wall);
  if (shown.length === 0) return first;
  return repeated === 'first' ? Math.min(...shown) : Math.max(...shown);
}

/** How far a zone's clocks are ahead of UTC, in milliseconds. */
function offsetAt(instant: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
    formatters.set(timeZone, formatter);
  }
  const shown = /GMT([+-]\d\d:\d\d(?::\d\d)?)?$/.exec(formatter.format(instant))?.[1];
  return shown ? zoneOffset(shown) : 0;
}

/** An offset `+05:30`, `+0530` or `+05`, in milliseconds. */
function zoneOffset(zone: string): number {
  if (zone === 'Z') return 0;
  const [hours = 0, minutes = 0] = (zone.slice(1).match(/\d\d/g) ?? []).map(Number);
  return (zone.startsWith('-') ? -1 : 1) * (hours * HOUR_MS + minutes * 60_000);
}
