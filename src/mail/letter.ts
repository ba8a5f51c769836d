import type { Brand } from '../brand.ts';
import { letterHtml } from './letter-html.ts';
import { wrap } from './plain-text.ts';
import type { LetterTexts, MailTexts } from './texts.ts';

/** What every mail needs to know of the service that sends it. */
export interface Sender {
  /** without a slash at the end */
  publicUrl: string;
  brand: Brand;
  texts: MailTexts;
}

export interface Wording {
  subject: string;
  text: string;
  html: string;
}

/** What a letter says besides its texts. */
export interface LetterContent {
  /** in place of the texts' placeholders */
  values: Record<string, string>;
  links: { label: string; url: string }[];
  /** names and values, such as when and from where something was changed */
  facts: [string, string][];
  /** what is charged, and for how much; the last row is the sum */
  bill: [string, string][];
}

/** A letter with every placeholder filled in. */
export interface FilledLetter extends Omit<LetterContent, 'values'> {
  subject: string;
  preview: string;
  greeting: string;
  paragraphs: string[];
  closing: string[];
  fallback: string;
  help: string | undefined;
  footer: string[];
}

const WIDTH = 72;

/** Words a letter as plain text and as HTML. */
export function writeLetter(sender: Sender, texts: LetterTexts, content: LetterContent): Wording {
  const letter = fillIn(sender, texts, content);
  return {
    subject: letter.subject,
    text: letterText(sender, letter),
    html: letterHtml(sender, letter),
  };
}

/** @throws RangeError where a text has a placeholder that the letter has no value for */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new RangeError(`nothing is known for {${name}}`);
    return value;
  });
}

function fillIn(
  { publicUrl, brand, texts: { common } }: Sender,
  { subject, preview, paragraphs, closing }: LetterTexts,
  { values: own, ...content }: LetterContent,
): FilledLetter {
  const support = [brand.supportEmail, brand.supportUrl].filter((way) => way !== undefined);
  const values = {
    ...own,
    brand: brand.name,
    portal: publicUrl,
    support: support.length > 0 ? support.join(` ${common.labels.or} `) : publicUrl,
  };
  const filled = (text: string) => fill(text, values);
  return {
    ...content,
    subject: filled(subject),
    preview: filled(preview),
    greeting: filled(common.greeting),
    paragraphs: paragraphs.map(filled),
    closing: closing.map(filled),
    fallback: filled(common.fallback),
    help: support.length > 0 ? filled(common.help) : undefined,
    footer: common.footer.map(filled),
  };
}

function letterText({ publicUrl, brand }: Sender, letter: FilledLetter): string {
  const { greeting, paragraphs, facts, bill, links, closing, help, footer } = letter;
  const parts = [
    greeting,
    ...paragraphs,
    ...(bill.length > 0 ? [columns(bill, 'right')] : []),
    ...(facts.length > 0 ? [columns(facts)] : []),
    ...links.map(({ label, url }) => `${label}:\n${url}`),
    ...closing,
    ...(help ? [help] : []),
    // The line that mail programs know a signature by.
    `-- \n${brand.name}\n${publicUrl}`,
    ...footer,
  ];
  return `${parts.map((part) => wrap(part, WIDTH)).join('\n\n')}\n`;
}

/** Names and values below each other, the values of a bill on the right. */
function columns(rows: [string, string][], side?: 'right'): string {
  const names = Math.max(...rows.map(([name]) => name.length));
  const values = Math.max(...rows.map(([, value]) => value.length));
  return rows
    .map(([name, value]) => `  ${name.padEnd(names)}  ${side ? value.padStart(values) : value}`)
    .join('\n');
}
