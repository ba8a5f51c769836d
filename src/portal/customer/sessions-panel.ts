import type { ListedSession, Session } from '../../domain/access/session.ts';
import { type Html, html } from '../../html.ts';
import { badge, panel } from '../components/blocks.ts';
import { table } from '../components/table.ts';
import { time, zoneAt } from '../components/time.ts';
import { form, type View, zoneOf } from '../view.ts';

/** The sessions of an account, and forms to end them. */
export function sessionsPanel(view: View, sessions: ListedSession[], own: Session): Html {
  const m = view.m.settings;
  const zone = zoneOf(view);
  const others = sessions.length > 1;
  const endAll = form(
    view,
    '/settings/sessions',
    html`<button class="quiet small" name="end" value="others">${m.endOthers}</button>`,
  );
  return panel(
    m.sessions,
    table<ListedSession>(view, {
      caption: m.sessions,
      columns: [
        {
          label: m.browser,
          cell: ({ userAgent }) =>
            html`<span title="${userAgent}">${browserOf(userAgent) ?? m.unknownBrowser}</span>`,
        },
        { label: m.address, cell: ({ address }) => address },
        {
          label: m.signedIn(zoneAt(view, view.now, zone)),
          cell: ({ createdAt }) => time(view, createdAt, zone),
        },
        { label: m.lastSeen, cell: ({ lastSeenAt }) => time(view, lastSeenAt, zone) },
        {
          label: m.end,
          cell: ({ handle }) =>
            handle === own.handle
              ? badge('good', m.thisOne)
              : form(
                  view,
                  '/settings/sessions',
                  html`<button class="quiet small" name="end" value="${handle}">${m.endIt}</button>`,
                ),
        },
      ],
      rows: sessions,
    }),
    others ? endAll : undefined,
  );
}

const BROWSERS = [
  ['Edge', /\bEdg\//],
  ['Opera', /\bOPR\//],
  ['Firefox', /\bFirefox\//],
  ['Chrome', /Chrom(e|ium)\//],
  ['Safari', /\bSafari\//],
] as const;
const SYSTEMS = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
] as const;

/** `Firefox, Linux`: enough to recognise one's own browser. */
function browserOf(userAgent: string): string | undefined {
  const find = (list: readonly (readonly [string, RegExp])[]) =>
    list.find(([, mark]) => mark.test(userAgent))?.[0];
  const parts = [find(BROWSERS), find(SYSTEMS)].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : userAgent.split(/[ /]/)[0] || undefined;
}
