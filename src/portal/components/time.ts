import { type Html, html } from '../../html.ts';
import type { Messages } from '../messages/index.ts';

/** The language of the text: a page's view. */
type Speaker = { m: Messages };

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * A moment in a zone: `14 May 2025, 09:30:12`, with the zone if `zone` asks for it.
 * @param options.brief on a phone without year and seconds
 */
export function time(
  { m }: Speaker,
  moment: Date,
  zone: string,
  options: { seconds?: boolean; zone?: boolean; date?: boolean; brief?: boolean } = {},
): Html {
  const { seconds = false, date = true } = options;
  const text = format(m, zone, {
    ...(date ? { day: 'numeric', month: 'short', year: 'numeric' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
  })(moment);
  const zoneName = zoneAt({ m }, moment, zone);
  const full = format(m, zone, { dateStyle: 'full', timeStyle: 'long' })(moment);
  const whole = html`${text}${options.zone && ` ${zoneName}`}`;
  const shown = options.brief
    ? html`<span class="wide-text">${whole}</span><span class="narrow-text">${shortHour({ m }, moment, zone)}</span>`
    : whole;
  return html`<time datetime="${moment.toISOString()}" title="${full}">${shown}</time>`;
}

/** A day in a zone: `14 May 2025`. */
export function day({ m }: Speaker, moment: Date, zone: string): Html {
  const text = format(m, zone, { day: 'numeric', month: 'short', year: 'numeric' })(moment);
  return html`<time datetime="${moment.toISOString()}">${text}</time>`;
}

/** `14 May`: a day on an axis. @param day a calendar day, or a moment in a zone */
export function shortDay({ m }: Speaker, day: string | Date, zone = 'UTC'): string {
  const moment = typeof day === 'string' ? new Date(`${day}T00:00Z`) : day;
  return format(m, zone, { day: 'numeric', month: 'short' })(moment);
}

/** `14 May, 09:00`: an hour on an axis. */
export function shortHour({ m }: Speaker, moment: Date, zone: string): string {
  const options = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;
  return format(m, zone, options)(moment);
}

/** `09:00`: an hour of a day that is known. */
export function shortTime({ m }: Speaker, moment: Date, zone: string): string {
  return format(m, zone, { hour: '2-digit', minute: '2-digit' })(moment);
}

/** `May 2025`: a month on an axis. */
export function shortMonth({ m }: Speaker, moment: Date, zone: string): string {
  return format(m, zone, { month: 'short', year: 'numeric' })(moment);
}

/** The zone's short name at a moment, such as `CEST` or `GMT+2`. */
export function zoneAt({ m }: Speaker, moment: Date, zone: string): string {
  const parts = formatter(m, zone, { timeZoneName: 'short' }).formatToParts(moment);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** `59 minutes`, `3 days`: remaining or past time in the largest unit that fits. */
export function span(seconds: number, m: { units: Record<Unit, (count: number) => string> }) {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? (['second', 1] as const);
  return m.units[unit](Math.floor(seconds / size));
}

export type Unit = 'day' | 'hour' | 'minute' | 'second';

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** `3:05`, `1:02:03`: the length of a call. */
export function duration(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

function format(m: Messages, zone: string, options: Intl.DateTimeFormatOptions) {
  const formatted = formatter(m, zone, options);
  return (moment: Date) => formatted.format(moment);
}

/** Making a formatter takes a hundred times as long as using it. */
function formatter(
  { locales: { dates } }: Messages,
  zone: string,
  options: Intl.DateTimeFormatOptions,
) {
  const key = `${dates} ${zone} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(dates, { ...options, timeZone: zone });
  formats.set(key, made);
  return made;
}
