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

const pack = promisify<Buffer, Buffer>(gzip);

// By language and address of the service. Without PUBLIC_URL a client names the address.
const MOST_KEPT = 8;

interface Made {
  plain: Buffer;
  packed: Buffer;
}

/**
 * A page for each served document, made from it; the page needs no database. It is kept, because
 * anyone may ask for it and to make it takes many milliseconds.
 */
export function referencePages(app: FastifyInstance, service: Service): void {
  const viewOf = visitorView(service);
  for (const served of app.documents) {
    let document: OpenapiDocument | undefined;
    const pages = new Map<string, Promise<Made>>();
    const make = async (view: View, url: string): Promise<Made> => {
      document ??= resolved(await served.read());
      const plain = Buffer.from(referencePage(view, app.documents, served, document, { url }).text);
      return { plain, packed: await pack(plain) };
    };
    app.get(served.page, async (request, reply) => {
      const view = viewOf(request);
      const url = addressAsked(service.config, request);
      const key = `${view.m.language} ${url}`;
      const page = pages.get(key) ?? make(view, url);
      if (!pages.has(key) && pages.size >= MOST_KEPT) pages.clear();
      pages.set(key, page);
      const { plain, packed } = await page;
      reply
        .header('cache-control', 'no-store')
        .header('vary', 'Accept-Language, Accept-Encoding')
        .type('text/html; charset=utf-8');
      if (!takesGzip(request)) return reply.send(plain);
      return reply.header('content-encoding', 'gzip').send(packed);
    });
  }
}

function referencePage(
  view: View,
  all: ServedDocument[],
  { name, page, address }: ServedDocument,
  document: OpenapiDocument,
  { url }: { url: string },
) {
  const m = view.m.reference;
  const { info } = document;
  const tags = operationsByTag(document);
  const title = `${info.title} ${name}`;
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
<p class="quiet-text">${m.version(info.version)} <code>${url}</code></p></div>
${tags.map(({ operations }) => operations.map((operation) => operationSection(view, operation, url)))}
</main>
${footer(view)}
</body>`,
  );
}
