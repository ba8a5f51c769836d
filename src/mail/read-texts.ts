import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';
import {
  type CommonTexts,
  DEFAULT_TEXTS,
  type LetterKind,
  type LetterTexts,
  type MailTexts,
  PLACEHOLDERS,
} from './texts.ts';

const EVERYWHERE = ['brand', 'portal', 'support'];

/**
 * The texts of all mails: those of the software, and in their place those of a JSON file, which
 * has only what differs.
 * @throws ConfigError in one line that names the file, the text and what is wrong with it
 */
export function readMailTexts(path: string | undefined): MailTexts {
  if (!path) return DEFAULT_TEXTS;
  try {
    const { common = {}, letters = {}, ...rest } = members(parse(path), 'the file');
    refuseUnknown(rest, 'the file', ['common', 'letters']);
    return { common: commonTexts(common), letters: allLetters(letters) };
  } catch (error) {
    throw new ConfigError(`MAIL_TEXTS_FILE ${path}: ${(error as Error).message}`);
  }
}

function parse(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function commonTexts(given: unknown): CommonTexts {
  const { common } = DEFAULT_TEXTS;
  const { labels, ...texts } = members(given, 'common');
  const merged = {
    ...common,
    ...checked(texts, 'common', common, (text) =>
      text === 'greetingUnverified' ? EVERYWHERE : [...EVERYWHERE, 'name'],
    ),
    labels: {
      ...common.labels,
      ...checked(labels ?? {}, 'common.labels', common.labels, (label) =>
        label === 'part' ? ['month'] : [],
      ),
    },
  };
  if (Intl.DateTimeFormat.supportedLocalesOf(localeOf(merged.locale)).length === 0) {
    throw new Error(`common.locale is ${merged.locale}, which is not known`);
  }
  return merged;
}

function localeOf(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? tag;
  } catch {
    throw new Error(`common.locale is ${tag}, which is no language tag such as en-US`);
  }
}

function allLetters(given: unknown): MailTexts['letters'] {
  const overrides = members(given, 'letters');
  const kinds = Object.keys(DEFAULT_TEXTS.letters) as LetterKind[];
  refuseUnknown(overrides, 'letters', kinds);
  const letters = kinds.map((kind) => {
    const texts: LetterTexts = DEFAULT_TEXTS.letters[kind];
    const allowed = [...EVERYWHERE, 'name', ...PLACEHOLDERS[kind]];
    const changed = checked(overrides[kind] ?? {}, `letters["${kind}"]`, texts, () => allowed);
    return [kind, { ...texts, ...changed }];
  });
  return Object.fromEntries(letters);
}

/** Members that are of the type of the model's, with placeholders that are allowed. */
function checked<Texts extends object>(
  given: unknown,
  where: string,
  model: Texts,
  allowed: (name: string) => readonly string[],
): Partial<Texts> {
  const texts = members(given, where);
  refuseUnknown(texts, where, Object.keys(model));
  for (const [name, value] of Object.entries(texts)) {
    const isList = Array.isArray(model[name as keyof Texts]);
    const lines = isList ? value : [value];
    if (!Array.isArray(lines) || !lines.every((line) => typeof line === 'string')) {
      throw new Error(`${where}.${name} must be ${isList ? 'a list of texts' : 'a text'}`);
    }
    for (const [, placeholder = ''] of lines.join('\n').matchAll(/\{([^{}]*)\}/g)) {
      if (!allowed(name).includes(placeholder)) {
        const known = allowed(name).map((known) => `{${known}}`);
        const choice = known.length > 0 ? `use ${known.join(', ')}` : 'there are none here';
        throw new Error(`${where}.${name} has the placeholder {${placeholder}}; ${choice}`);
      }
    }
  }
  return texts as Partial<Texts>;
}

function members(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where} must be an object`);
  }
  return value as Record<string, unknown>;
}

function refuseUnknown(given: object, where: string, known: string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`${where} has "${unknown}", which is not one of ${known.join(', ')}`);
  }
}
