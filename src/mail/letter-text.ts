import type { FilledLetter, Speaker } from './letter.ts';
import { wrap } from './plain-text.ts';

const WIDTH = 72;

/** A letter as plain text. */
export function letterText({ publicUrl, brand }: Speaker, letter: FilledLetter): string {
  const { greeting, paragraphs, facts, bill, links, closing, help, footer } = letter;
  const parts = [
    greeting,
    ...paragraphs,
    ...(bill.length > 0 ? [columns(bill, 'right')] : []),
    ...(facts.length > 0 ? [columns(facts)] : []),
    ...links.map(({ label, url }) => `${label}:\n${url}`),
    ...closing,
    ...(help ? [help] : []),
    // Mail programs recognise a signature by this line.
    `-- \n${brand.name}\n${publicUrl}`,
    ...footer,
  ];
  return `${parts.map((part) => wrap(part, WIDTH)).join('\n\n')}\n`;
}

/** Names and values in two columns; the values of a bill are aligned to the right. */
function columns(rows: [string, string][], side?: 'right'): string {
  const names = Math.max(...rows.map(([name]) => name.length));
  const values = Math.max(...rows.map(([, value]) => value.length));
  return rows
    .map(([name, value]) => `  ${name.padEnd(names)}  ${side ? value.padStart(values) : value}`)
    .join('\n');
}
