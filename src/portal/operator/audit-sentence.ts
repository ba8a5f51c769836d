import type { AuditEntry } from '../../domain/audit.ts';
import { type Html, html } from '../../html.ts';
import { freeText } from '../components/free-text.ts';
import { exact } from '../components/money.ts';
import { time } from '../components/time.ts';
import { type View, zoneOf } from '../view.ts';

const MONEY = /^-?[0-9]{1,20}(\.[0-9]+)?$/;
const LONGEST_VALUE = 200;

/** What an entry of the audit trail says, as a sentence that begins with the person. */
export function auditSentence(view: View, { actor, action, detail }: AuditEntry): Html {
  const members = detail as Record<string, unknown>;
  const whole = view.m.operator.auditSentences[action] ?? action;
  const words = members.reason ? whole : whole.replace(/: \{reason\}$/, '');
  const parts = words.split(/(\{\w+[$@]?\})/).map((part) => {
    const [, name, kind] = /^\{(\w+)([$@]?)\}$/.exec(part) ?? [];
    if (name === undefined) return part;
    if (name === 'changes') return changes(view, words, members);
    return value(view, members[name], kind);
  });
  return html`<span><strong>${freeText(actor)}</strong> ${parts}</span>`;
}

/** `rate from 0.0075 to 0.025, notice 5`: all members that the sentence does not name itself. */
function changes(view: View, words: string, detail: Record<string, unknown>): Html {
  const m = view.m.operator;
  const named = new Set([...words.matchAll(/\{(\w+)/g)].map(([, name]) => name));
  const texts = Object.entries(detail)
    .filter(([name]) => !named.has(name))
    .map(([name, change]) => {
      const settings: Record<string, { label: string }> = m.accountSettings;
      const label = settings[name]?.label ?? m.auditLabels[name] ?? name;
      const isChange = typeof change === 'object' && change !== null && 'after' in change;
      if (!isChange) return m.auditValue(label, text(view, change));
      const { before, after } = change as { before?: unknown; after: unknown };
      return m.auditChange(label, text(view, before), text(view, after));
    });
  return freeText(texts.length > 0 ? texts.join(', ') : m.auditNothing);
}

/** @param kind '$': money, '@': a moment */
function value(view: View, shown: unknown, kind: string | undefined): Html | string {
  if (kind === '$' && MONEY.test(String(shown))) return exact(view, String(shown));
  const at = kind === '@' && typeof shown === 'string' ? new Date(shown) : undefined;
  if (at && !Number.isNaN(at.getTime())) return time(view, at, zoneOf(view), { zone: true });
  return freeText(text(view, shown));
}

function text(view: View, shown: unknown): string {
  if (shown === null || shown === undefined || shown === '') return view.m.operator.auditNothing;
  if (Array.isArray(shown)) return shown.map((one) => text(view, one)).join(', ');
  const whole = typeof shown === 'object' ? JSON.stringify(shown) : String(shown);
  return whole.length > LONGEST_VALUE ? `${whole.slice(0, LONGEST_VALUE)}…` : whole;
}
