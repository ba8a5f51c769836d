import type { FastifyReply } from 'fastify';
import { type Html, html } from '../html.ts';
import { longAnswer } from '../http/long-answer.ts';
import { assets } from './assets.ts';
import { notice } from './components/blocks.ts';
import { freeText } from './components/free-text.ts';
import { icon } from './components/icon.ts';
import type { Messages } from './messages/index.ts';
import { navigationOf } from './navigation.ts';
import { form, type View } from './view.ts';

export interface Page {
  title: string;
  content: Html;
  status?: number;
  /** beside the title, such as a button */
  aside?: Html;
  /** below the title: the other pages of the same thing, made by `tabs` */
  tabs?: Html;
  /** for visitors: the whole width, and a title in `content` */
  isLanding?: boolean;
  /** more files of `assets` that only this page needs */
  styles?: string[];
  scripts?: string[];
}

/** A whole page: a narrow sheet for visitors; navigation and wide content for accounts. */
function page(view: View, shown: Page): Html {
  return htmlDocument(
    view,
    shown,
    view.session ? signedInBody(view, shown) : visitorBody(view, shown),
  );
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
<link rel="icon" href="${brand.logoUrl ?? brand.markUrl}">
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

/** Stands in a page's content for the parts that are sent later. */
export const LATER = html`<!--later-->`;

/**
 * Answers with a page at once, and sends the parts that stand at `LATER` as they come. If they
 * break off, the page says so.
 * @throws Refusal 'rate limited' if the account or its address has too many of them open
 */
export async function sendGrowingPage(
  reply: FastifyReply,
  view: View,
  content: Page,
  parts: AsyncIterable<Html>,
): Promise<FastifyReply> {
  const { request } = reply;
  const [start = '', end = ''] = page(view, content).text.split(LATER.text);
  async function* text(): AsyncGenerator<string> {
    yield start;
    try {
      for await (const part of parts) yield part.text;
    } catch (error) {
      request.log.error({ err: error }, 'a page broke off');
      yield notice('bad', view.m.errors.brokeOff).text;
    }
    yield end;
  }
  const stream = await longAnswer(request, view.session?.username ?? 0, text());
  return (
    reply
      .header('cache-control', 'no-store')
      .header('vary', 'Accept-Language')
      // A proxy should pass on each part as it comes (nginx's name for it).
      .header('x-accel-buffering', 'no')
      .type('text/html; charset=utf-8')
      .send(stream)
  );
}

function visitorBody(view: View, { title, content, isLanding }: Page): Html {
  return html`<body class="visitor">
<header>${brandMark(view, '/')}</header>
<main class="${isLanding ? 'landing' : 'sheet'}" id="main">
${!isLanding && html`<h1>${title}</h1>`}
${flash(view)}
${content}
</main>
${footer(view)}
</body>`;
}

function signedInBody(view: View, { title, content, aside, tabs }: Page): Html {
  const { m, session } = view;
  const who = html`<div class="who"><span class="who-name">${freeText(session?.name ?? '')}</span> <span class="who-number">${session?.username}</span>
${form(view, '/sign-out', html`<button class="quiet small">${m.layout.signOut}</button>`)}</div>`;
  return html`<body class="signed-in">
<a class="skip" href="#main">${m.layout.skip}</a>
${bar(view)}
${side(navigation(view), who)}
<main id="main">
<div class="title"><h1>${title}</h1>${aside}</div>
${tabs}
${flash(view)}
${content}
</main>
${footer(view)}
</body>`;
}

/** The head of a page with a menu. On narrow screens its button opens the menu. */
export function bar(view: View): Html {
  return html`<header class="bar">
${brandMark(view, '/')}
<button type="button" class="quiet menu-button" popovertarget="side">${icon('menu')}${view.m.layout.menu}</button>
</header>`;
}

/** The menu at the side; on narrow screens the bar's button opens it. @param end below the links */
export function side(links: Html, end: Html): Html {
  return html`<aside class="side" id="side" popover>
${links}
${end}
</aside>`;
}

function navigation(view: View): Html {
  const groups = view.session ? navigationOf(view.session) : [];
  return html`<nav class="main-nav" aria-label="${view.m.layout.navigation}">
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
</nav>`;
}

function isCurrent(path: string, href: string): boolean {
  return path === href || (href !== '/admin' && path.startsWith(`${href}/`));
}

function brandMark({ brand }: View, href: string): Html {
  return html`<a class="brand" href="${href}"><img src="${brand.logoUrl ?? brand.markUrl}" alt="" height="28"><span>${brand.name}</span></a>`;
}

function flash({ m, flash }: View): Html {
  const text = flash !== undefined && Object.hasOwn(m.flash, flash);
  if (!text) return html``;
  const link =
    flash === 'password-changed' && html` <a href="/phone">${m.layout.replaceSipSecret}</a>`;
  return html`<p class="notice good" role="status">${m.flash[flash as keyof Messages['flash']]}${link}</p>`;
}

/** The name of the brand and the links to the reference and, where set, to help and mail. */
export function footer({ m, brand }: View): Html {
  const { supportEmail, supportUrl } = brand;
  return html`<footer>
<span>${brand.name}</span>
<a href="/docs/">${m.layout.apiReference}</a>
${supportUrl && html`<a href="${supportUrl}">${m.layout.help}</a>`}
${supportEmail && html`<a href="mailto:${supportEmail}">${supportEmail}</a>`}
</footer>`;
}
