import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import type { Brand } from '../brand.ts';
import { type Config, loadConfig } from '../config.ts';
import { LANGUAGES, type Language } from '../language.ts';
import type { Sender, Wording } from '../mail/letter.ts';
import { LOGO_ID, mailLogo } from '../mail/letter-html.ts';
import { readMailTexts } from '../mail/read-texts.ts';
import { LETTER_KINDS, sampleMail } from '../mail/samples.ts';
import type { LetterKind } from '../mail/texts.ts';
import { composeMessage } from '../mail/transport.ts';
import { notedAddress } from '../service-address.ts';
import { command } from './operation.ts';
import { count, jsonText } from './print.ts';

interface PreviewOptions {
  html?: true;
  out?: string;
  language?: Language;
  json?: true;
}

interface Preview extends Wording {
  kind: LetterKind;
}

/** `mail preview`, which needs no database. The queue has `mailQueueCommands`. */
export function mailCommands(group: Command): void {
  const on = command(
    group,
    'preview',
    'show what mails say with the settings of now; needs no database and sends nothing',
    "mail preview 'low balance' --html > low-balance.html",
  )
    .addArgument(new Argument('[kind]', 'only this message').choices(LETTER_KINDS))
    .option('--html', 'print the HTML instead of the text')
    .addOption(new Option('--language <code>', 'in this language').choices(LANGUAGES))
    .option('--out <folder>', 'write each message as .txt, .html and .eml into a folder');
  on.action(async (kind: LetterKind | undefined, options: PreviewOptions) => {
    const config = loadConfig();
    const previews = await previewMails(config, kind ? [kind] : LETTER_KINDS, options.language);
    if (options.out) await writePreviews(config, previews, options.out);
    process.stdout.write(`${output(previews, options)}\n`);
  });
}

async function previewMails(
  config: Config,
  kinds: LetterKind[],
  language = config.language,
): Promise<Preview[]> {
  const { brand, currency } = config;
  const texts = readMailTexts(config);
  const sender: Sender = { publicUrl: notedAddress(config), brand, currency, texts, language };
  return Promise.all(kinds.map(async (kind) => ({ kind, ...(await sampleMail(sender, kind)) })));
}

function output(previews: Preview[], { html, out, json }: PreviewOptions): string {
  if (json) return jsonText({ messages: previews });
  if (out) return `Wrote ${count(previews.length, 'message')} to ${out}`;
  if (html) return previews.map((preview) => preview.html).join('\n');
  return previews.map(({ kind, subject, text }) => `[${kind}] ${subject}\n\n${text}`).join('\n\n');
}

async function writePreviews(
  { brand, mailFrom }: Config,
  previews: Preview[],
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { kind, ...wording } of previews) {
    const path = join(folder, kind.replaceAll(' ', '-'));
    await writeFile(`${path}.txt`, wording.text);
    await writeFile(`${path}.html`, withLogo(brand, wording.html));
    const to = { name: 'Example Company', address: 'customer@example.com' };
    const mail = { id: kind, from: mailFrom, to, ...wording, logo: mailLogo(brand) };
    await writeFile(`${path}.eml`, await composeMessage(mail));
  }
}

/** A browser has no mail around the page, so the page itself contains the logo. */
function withLogo(brand: Brand, html: string): string {
  const logo = mailLogo(brand);
  if (!logo) return html;
  return html.replace(
    `cid:${LOGO_ID}`,
    `data:${logo.type};base64,${logo.bytes.toString('base64')}`,
  );
}
