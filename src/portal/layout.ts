import type { FastifyReply } from 'fastify';
import { type Html, html } from '../html.ts';
import { assets } from './assets.ts';
import type { Messages } from './messages/index.ts';
import { navigationOf } from './navigation.ts';
import { form, type View } from './view.ts';

export interface Page {
  title: string;
  content: Html;
  status?: number;
  /** beside the title, such as a button */
  aside?: Html;
  /** more files of `assets` that only this page needs */
  styles?: string[];
  scripts?: string[];
}

/** A whole page: a card in the middle for visitors; navigation and wide content for accounts. */
function page(view: View, { title, content, aside, ...files }: Page): Html {
  const body = view.session
    ? signedInBody(view, title, content, aside)
    : visitorBody(view, title, content);
  return htmlDocument(view, { title, ...files }, body);
}

/** The frame around a page's body: language, brand, style and script. */
export function htmlDocument(
  view: View,
  { title, styles = [], scripts = [] }: Pick<Page, 'title' | 'styles' | 'scripts'>,
  body: Html,
): Html {
  const { brand } = view;
  return html`<!doctype html>
<html lang="${view.m.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${brand.name}</title>
<link rel="icon" href="${brand.logoUrl ?? 'data:,'}">
<link rel="preload" href="${assets.font.url}" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="${brand.styleUrl}">
<link rel="stylesheet" href="${assets.style.url}">
${styles.map((url) => html`<link rel="stylesheet" href="${url}">\n`)}<noscript><link rel="stylesheet" href="${assets.noScript.url}"></noscript>
<script src="${assets.script.url}" defer></script>
${scripts.map((url) => html`<script src="${url}" defer></script>\n`)}</head>
${body}
</html>
`;
}

/**
 * Answers with a page. It shows the result of the form before it once. Browsers cache the answer to
 * a form, because going back needs it; so secrets are shown only by pages that are read with GET.
 */
export function sendPage(reply: FastifyReply, view: View, content: Page): FastifyReply {
  if (view.flash) view.clearFlash();
  return reply
    .code(content.status ?? 200)
    .header('cache-control', reply.request.method === 'POST' ? 'private, no-cache' : 'no-store')
    .header('vary', 'Accept-Language')
    .type('text/html; charset=utf-8')
    .send(page(view, content).text);
}

function visitorBody(view: View, title: string, content: Html): Html {
  return html`<body class="visitor">
<header>${brandMark(view, '/')}</header>
<main class="card" id="main">
<h1>${title}</h1>
${flash(view)}
${content}
</main>
${footer(view)}
</body>`;
}

function signedInBody(view: View, title: string, content: Html, aside: Html | undefined): Html {
  const { m, session } = view;
  return html`<body class="signed-in">
<a class="skip" href="#main">${m.layout.skip}</a>
<header class="bar">
${brandMark(view, '/')}
<div class="who"><span class="who-name">${session?.name}</span> <span class="who-number">${session?.username}</span></div>
${form(view, '/sign-out', html`<button class="quiet">${m.layout.signOut}</button>`)}
</header>
${navigation(view)}
<main id="main">
<div class="title"><h1>${title}</h1>${aside}</div>
${flash(view)}
${content}
</main>
${footer(view)}
</body>`;
}

function navigation(view: View): Html {
  const groups = view.session ? navigationOf(view.session) : [];
  return html`<nav class="main-nav" aria-label="${view.m.layout.navigation}"><div>
${groups.map(
  ({ label, items }) => html`${groups.length > 1 && html`<h2>${label(view.m)}</h2>`}
<ul>
${items.map(
  (
    item,
  ) => html`<li><a href="${item.href}"${isCurrent(view.path, item.href) && html` aria-current="page"`}>${item.icon}${item.label(view.m)}</a></li>
`,
)}</ul>`,
)}
</div></nav>`;
}

function isCurrent(path: string, href: string): boolean {
  return path === href || (href !== '/admin' && path.startsWith(`${href}/`));
}

export function brandMark({ brand }: View, href: string): Html {
  return html`<a class="brand" href="${href}">${brand.logoUrl && html`<img src="${brand.logoUrl}" alt="" height="28">`}<span>${brand.name}</span></a>`;
}

function flash({ m, flash }: View): Html {
  const text = flash !== undefined && Object.hasOwn(m.flash, flash);
  if (!text) return html``;
  const link =
    flash === 'password-changed' && html` <a href="/phone">${m.layout.replaceSipSecret}</a>`;
  return html`<p class="notice good" role="status">${m.flash[flash as keyof Messages['flash']]}${link}</p>`;
}

export function footer({ m, brand }: View): Html {
  const { supportEmail, supportUrl } = brand;
  return html`<footer>
<span>${brand.name}</span>
<a href="/docs/">${m.layout.apiReference}</a>
${supportUrl && html`<a href="${supportUrl}">${m.layout.help}</a>`}
${supportEmail && html`<a href="mailto:${supportEmail}">${supportEmail}</a>`}
</footer>`;
}
