import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '../config.ts';
import type { Language } from '../language.ts';
import { reasonOf } from '../system-error.ts';
import {
  type CommonTexts,
  ENGLISH_TEXTS,
  type LetterKind,
  type LetterTexts,
  type MailTexts,
  PLACEHOLDERS,
} from './texts.ts';
import { GERMAN_TEXTS } from './texts-de.ts';

const EVERYWHERE = ['brand', 'portal', 'support'];

/** The texts that come with the software. */
export const BUILT_IN_TEXTS: Record<Language, MailTexts> = {
  en: ENGLISH_TEXTS,
  de: GERMAN_TEXTS,
};

/**
 * The texts of all mails, in each language. For the installation's language, the texts of a JSON
 * file replace those of the software. The file needs only the texts that differ.
 * @throws ConfigError in one line that names the file, the text and the fault
 */
export function readMailTexts({
  mailTextsFile: path,
  language,
}: Pick<Config, 'mailTextsFile' | 'language'>): Record<Language, MailTexts> {
  if (!path) return BUILT_IN_TEXTS;
  const texts = BUILT_IN_TEXTS[language];
  try {
    const { common = {}, letters = {}, ...rest } = members(parse(path), 'the file');
    refuseUnknown(rest, 'the file', ['common', 'letters']);
    const own = { common: commonTexts(texts, common), letters: allLetters(texts, letters) };
    return { ...BUILT_IN_TEXTS, [language]: own };
  } catch (error) {
    throw new ConfigError(`MAIL_TEXTS_FILE ${path}: ${reasonOf(error)}`);
  }
}

function parse(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function commonTexts({ common }: MailTexts, given: unknown): CommonTexts {
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

function allLetters(builtIn: MailTexts, given: unknown): MailTexts['letters'] {
  const overrides = members(given, 'letters');
  const kinds = Object.keys(builtIn.letters) as LetterKind[];
  refuseUnknown(overrides, 'letters', kinds);
  const letters = kinds.map((kind) => {
    const texts: LetterTexts = builtIn.letters[kind];
    const allowed = [...EVERYWHERE, 'name', ...PLACEHOLDERS[kind]];
    const changed = checked(overrides[kind] ?? {}, `letters["${kind}"]`, texts, () => allowed);
    return [kind, { ...texts, ...changed }];
  });
  return Object.fromEntries(letters);
}

/** Returns the members whose type equals the model's and whose placeholders are allowed. */
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
