import { MalformedRecord } from './record.ts';

const LOCAL =
  /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)?$/;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * A time as databases and Asterisk write it, `2026-11-23 22:11:05`; with a zone behind it, that
 * counts. An hour that clocks show twice is the first of the two, one that they leave out is taken
 * by the clock before the change.
 * @param timeZone a name of the IANA database
 * @throws MalformedRecord
 */
export function localTime(value: unknown, name: string, timeZone: string): Date {
  const parts = typeof value === 'string' ? LOCAL.exec(value) : null;
  if (!parts) throw new MalformedRecord(`${name} is no time`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map(Number);
  const milliseconds = Number((parts[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const wall = Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
  // A day that no month has would count as one of the next month, minute 60 as the next hour.
  const shown = new Date(wall).toISOString().slice(0, 19).replace('T', ' ');
  if (shown !== parts[0].slice(0, 19).replace('T', ' ')) {
    throw new MalformedRecord(`${name} is no time`);
  }
  return new Date(parts[8] ? wall - zoneOffset(parts[8]) : toInstant(wall, timeZone));
}

/** @param wall what the clock showed, as if it had shown UTC */
function toInstant(wall: number, timeZone: string): number {
  const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((at) => offsetAt(at, timeZone));
  const first = wall - (before ?? 0);
  if (before === after) return first;
  const second = wall - (after ?? 0);
  const shown = [first, second].filter((at) => at + offsetAt(at, timeZone) === wall);
  return shown.length > 0 ? Math.min(...shown) : first;
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

/** `+05:30`, `+0530` or `+05`, in milliseconds. */
function zoneOffset(zone: string): number {
  if (zone === 'Z') return 0;
  const [hours = 0, minutes = 0] = (zone.slice(1).match(/\d\d/g) ?? []).map(Number);
  return (zone.startsWith('-') ? -1 : 1) * (hours * HOUR_MS + minutes * 60_000);
}
