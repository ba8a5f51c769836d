import type { Brand, Logo } from '../brand.ts';
import { Html, html } from '../html.ts';
import type { FilledLetter, Speaker } from './letter.ts';

/** Content id of the mail part that holds the logo. */
export const LOGO_ID = 'brand-logo';

const LOGO_HEIGHT = 36;
const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/**
 * A letter as HTML. Mail programs support few styles and drop most style sheets, so every element has
 * its own style. The sheet is only for programs that show mails dark. Outlook needs tables for the
 * layout.
 */
export function letterHtml({ publicUrl, brand, texts }: Speaker, letter: FilledLetter): string {
  const { subject, preview, greeting, paragraphs, links, closing, help, footer } = letter;
  return html`<!doctype html>
<html lang="${texts.common.locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${subject}</title>
<style>${darkStyle(brand)}</style>
</head>
<body class="ground" style="margin:0;padding:0;background:#f4f4f5;-webkit-text-size-adjust:100%">
<div style="display:none;max-height:0;overflow:hidden">${preview}${FILLER}</div>
<table role="presentation" class="ground" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f4f4f5"><tr><td align="center" style="padding:24px 12px">
${OUTLOOK_OPEN}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;text-align:left">
<tr><td style="padding:0 4px 16px">${header(brand)}</td></tr>
<tr><td class="card" style="padding:28px 24px 12px;background:#ffffff;border-radius:10px">
<h1 class="text" style="margin:0 0 20px;${FONT};font-size:22px;line-height:1.3;font-weight:600;color:#18181b">${subject}</h1>
${paragraph(html`${greeting}`)}${paragraphs.map(linked).map(paragraph)}
${bill(letter.bill)}
${facts(letter.facts)}
${links.map((link) => button(brand, link))}
${closing.map(linked).map(paragraph)}
${links.length > 0 && fallback(letter)}
</td></tr>
<tr><td style="padding:16px 4px 0">
${[help, ...footer].map((line) => line && small(line))}
${small(html`${brand.name} · <a class="quiet" href="${publicUrl}" style="color:#52525b">${publicUrl}</a>`)}
</td></tr>
</table>${OUTLOOK_CLOSE}
</td></tr></table>
</body>
</html>
`.text;
}

// The list of mails shows this filler after the preview, instead of the letter's beginning.
const FILLER = new Html('&#847;&zwnj;&nbsp;'.repeat(40));
// Outlook for Windows ignores a maximal width.
const OUTLOOK_OPEN = new Html(
  '<!--[if mso]><table role="presentation" width="560" cellpadding="0" cellspacing="0"><tr><td><![endif]-->\n',
);
const OUTLOOK_CLOSE = new Html('\n<!--[if mso]></td></tr></table><![endif]-->');

function darkStyle({ dark }: Brand): Html {
  return new Html(`
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .ground { background: #18181b !important; }
  .card { background: #27272a !important; }
  .text { color: #f4f4f5 !important; }
  .quiet { color: #a1a1aa !important; }
  .line { border-color: #3f3f46 !important; }
  .link { color: ${dark.accent} !important; }
  .button { background: ${dark.fill} !important; color: ${dark.onFill} !important; }
  .logo { background: #ffffff !important; padding: 6px 10px !important; border-radius: 6px !important; }
}
`);
}

/** The logo for mails: mail programs cannot show SVG. */
export function mailLogo({ logo }: Pick<Brand, 'logo'>): Logo | undefined {
  return logo?.type === 'image/svg+xml' ? undefined : logo;
}

function header({ name, logo }: Brand): Html {
  const text = `${FONT};font-size:18px;font-weight:600;color:#18181b`;
  if (!mailLogo({ logo })) {
    return html`<span class="text" style="${text}">${name}</span>`;
  }
  return html`<img class="logo" src="cid:${LOGO_ID}" height="${LOGO_HEIGHT}" alt="${name}" style="display:block;height:${LOGO_HEIGHT}px;border:0;${text}">`;
}

function paragraph(content: Html | Html[]): Html {
  return html`<p class="text" style="margin:0 0 16px;${FONT};font-size:16px;line-height:1.5;color:#18181b">${content}</p>
`;
}

function small(content: string | Html): Html {
  const inner = typeof content === 'string' ? linked(content) : content;
  return html`<p class="quiet" style="margin:0 0 8px;${FONT};font-size:13px;line-height:1.5;color:#52525b">${inner}</p>
`;
}

/** Addresses of pages and mailboxes become links. */
function linked(text: string): Html[] {
  return text
    .split(/(https?:\/\/\S+[^\s.,;:!?)]|[^\s@<>]+@[^\s@<>]+[^\s.,;:!?)])/)
    .map((part, index) => {
      if (index % 2 === 0) return html`${part}`;
      const target = part.startsWith('http') ? part : `mailto:${part}`;
      return html`<a class="link" href="${target}" style="color:inherit;word-break:break-word">${part}</a>`;
    });
}

function facts(rows: [string, string][]): Html | false {
  const cell = `padding:4px 16px 4px 0;${FONT};font-size:15px;line-height:1.5;vertical-align:top`;
  return (
    rows.length > 0 &&
    html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 20px">
${rows.map(
  ([
    name,
    value,
  ]) => html`<tr><td class="quiet" style="${cell};color:#52525b;white-space:nowrap">${name}</td><td class="text" style="${cell};color:#18181b;word-break:break-word">${value}</td></tr>
`,
)}</table>`
  );
}

function bill(rows: [string, string][]): Html | false {
  const row = ([name, value]: [string, string], index: number) => {
    const isSum = index === rows.length - 1;
    const cell = `padding:8px 0;border-top:1px solid #e4e4e7;${FONT};font-size:15px;line-height:1.4;color:#18181b${isSum ? ';font-weight:600' : ''}`;
    return html`<tr><td class="text line" style="${cell}">${name}</td><td class="text line" align="right" style="${cell};padding-left:16px;white-space:nowrap">${value}</td></tr>
`;
  };
  return (
    rows.length > 0 &&
    html`<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 20px">
${rows.map(row)}</table>`
  );
}

function button({ light }: Brand, { label, url }: { label: string; url: string }): Html {
  const { fill, onFill } = light;
  return html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:4px 0 20px"><tr><td class="button" bgcolor="${fill}" style="border-radius:8px;background:${fill}"><a class="button" href="${url}" style="display:inline-block;padding:12px 20px;border-radius:8px;${FONT};font-size:16px;font-weight:600;line-height:1.25;color:${onFill};background:${fill};text-decoration:none">${label}</a></td></tr></table>
`;
}

function fallback({ fallback, links }: FilledLetter): Html {
  return html`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td class="line" style="padding:16px 0 4px;border-top:1px solid #e4e4e7">
${small(fallback)}
${links.map(({ url }) => small(html`<a class="quiet" href="${url}" style="color:#52525b;word-break:break-all">${url}</a>`))}
</td></tr></table>`;
}
