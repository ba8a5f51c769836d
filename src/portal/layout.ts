import type { FastifyReply } from 'fastify';
import type { Brand } from '../brand.ts';
import { type Html, html } from '../html.ts';

/** A whole page of the portal. */
export function page({ brand }: { brand: Brand }, title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${brand.name}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/portal.css">
</head>
<body>
<header><a href="/">${brand.name}</a></header>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
}

export function sendPage(reply: FastifyReply, status: number, content: Html): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(content.text);
}
