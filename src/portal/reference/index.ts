import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import type { ServedDocument } from '../../http/openapi.ts';
import type { Service } from '../../service.ts';
import { addressAsked } from '../../service-address.ts';
import { assets, takesGzip } from '../assets.ts';
import { bar, footer, htmlDocument, side } from '../layout.ts';
import { type View, visitorView } from '../view.ts';
import { type OpenapiDocument, operationsByTag, resolved } from './document.ts';
import { operationSection } from './operation.ts';
import { prose } from './schema.ts';

const packed = promisify<string, Buffer>(gzip);

// Stands for the address of the service, which a client names where there is no PUBLIC_URL.
const ADDRESS = 'https://service.invalid';
const MOST_PACKED = 8;

/**
 * A page for each served document, made from it; the page needs no database. It is made once for
 * each language, because anyone may ask for it and to make it takes many milliseconds.
 */
export function referencePages(app: FastifyInstance, service: Service): void {
  const viewOf = visitorView(service);
  for (const served of app.documents) {
    let document: OpenapiDocument | undefined;
    const pages = new Map<string, string>();
    const kept = new Map<string, Buffer>();
    app.get(served.page, async (request, reply) => {
      const view = viewOf(request);
      document ??= resolved(await served.read());
      const page =
        pages.get(view.m.language) ?? referencePage(view, app.documents, served, document).text;
      pages.set(view.m.language, page);
      const url = addressAsked(service.config, request);
      const text = () => page.replaceAll(ADDRESS, () => html`${url}`.text);
      reply
        .header('cache-control', 'no-store')
        .header('vary', 'Accept-Language, Accept-Encoding')
        .type('text/html; charset=utf-8');
      if (!takesGzip(request)) return reply.send(text());
      const key = `${view.m.language} ${url}`;
      const bytes = kept.get(key) ?? (await packed(text()));
      if (kept.size >= MOST_PACKED && !kept.has(key)) kept.clear();
      kept.set(key, bytes);
      return reply.header('content-encoding', 'gzip').send(bytes);
    });
  }
}

function referencePage(
  view: View,
  all: ServedDocument[],
  { name, page, address }: ServedDocument,
  document: OpenapiDocument,
) {
  const m = view.m.reference;
  const { info } = document;
  const tags = operationsByTag(document);
  // The two of the Account API have the same title.
  const title = name.startsWith('v') ? `${info.title} ${name}` : info.title;
  return htmlDocument(
    view,
    { title, styles: [assets.referenceStyle.url], scripts: [assets.referenceScript.url] },
    html`<body class="signed-in reference">
<a class="skip" href="#main">${view.m.layout.skip}</a>
${bar(view)}
${side(
  html`<nav class="versions" aria-label="${m.versions}">${all.map(
    (one) =>
      html`<a href="${one.page}"${one.page === page && html` aria-current="page"`}>${one.name}</a>`,
  )}</nav>
<nav class="main-nav" aria-label="${m.operations}">
${tags.map(
  ({ description, operations }) => html`<h2 lang="en">${description}</h2>
<ul>
${operations.map(({ operationId, summary, method }) => html`<li><a href="#${operationId}"><span lang="en">${summary}</span><span class="method ${method.toLowerCase()}">${method}</span></a></li>\n`)}</ul>`,
)}
</nav>`,
  html`<div class="who"><a class="button quiet small" href="/">${m.back}</a></div>`,
)}
<main id="main">
<div class="title"><h1>${title}</h1><a class="button quiet small" href="${address}" download="account-api-${name}.json">${m.download}</a></div>
<div><p lang="en">${prose(info.description)}</p>
<p class="quiet-text">${m.version(info.version)} <code>${ADDRESS}</code></p></div>
${tags.map(({ operations }) => operations.map((operation) => operationSection(view, operation, ADDRESS)))}
</main>
${footer(view)}
</body>`,
  );
}
