import { type Html, html } from '../../html.ts';
import { copyable } from '../components/secret.ts';
import type { View } from '../view.ts';
import { type Answer, examplesOf, type Located, mediaOf, type Parameter } from './document.ts';
import { memberList, membersOf, prose } from './schema.ts';

const NO_KEY = 'YOUR_API_KEY';

/** One operation: its input and answers, beside a request that can be copied or sent. */
export function operationSection(view: View, operation: Located, url: string): Html {
  const { operationId: id, method, path, summary, description, security = [] } = operation;
  const m = view.m.reference;
  return html`<section class="panel operation" id="${id}" aria-labelledby="${id}-title">
<div class="title"><h2 id="${id}-title" lang="en">${summary}</h2><a class="sub" href="#${id}">${m.link}<span class="unseen" lang="en"> ${summary}</span></a></div>
<p class="place"><span class="method ${method.toLowerCase()}">${method}</span> <code>${path}</code></p>
<div class="sides">
<div>
<p lang="en">${prose(description)}</p>
<p class="quiet-text">${security.length > 0 ? m.keyNeeded : m.keyNotNeeded}</p>
${takes(view, operation)}
<h3>${m.answers}</h3>
${Object.entries(operation.responses).map(([status, answer]) => answered(view, id, status, answer))}
</div>
<div>
${copyable(view, `${id}-curl`, m.request, curl(operation, url))}
${console(view, operation)}
${successExample(view, operation)}
</div>
</div>
</section>
`;
}

function takes(view: View, { parameters = [], requestBody }: Located): Html {
  const { m } = view;
  const [, media] = mediaOf(requestBody?.content) ?? [];
  const members = media?.schema ? membersOf(media.schema) : [];
  return html`${
    parameters.length > 0 &&
    html`<h3>${m.reference.parameters}</h3>
${memberList(
  parameters.map((parameter) => ({ ...parameter, place: parameter.in })),
  'request',
  m,
)}`
  }${
    members.length > 0 &&
    html`<h3>${m.reference.body}</h3>
${memberList(members, 'request', m)}`
  }`;
}

function answered(view: View, id: string, status: string, answer: Answer): Html {
  const { m } = view;
  const [, media = {}] = mediaOf(answer.content) ?? [];
  const headers = Object.entries(answer.headers ?? {}).map(([name, { schema = {}, ...rest }]) => ({
    name,
    schema,
    ...rest,
    place: 'header',
  }));
  const members = [...headers, ...(media.schema ? membersOf(media.schema) : [])];
  // The example of a success is beside the operation.
  const examples = status.startsWith('2') ? [] : examplesOf(media);
  return html`<details class="answer">
<summary><span class="status ${status.startsWith('2') ? 'good' : 'bad'}">${status}</span> <span lang="en">${answer.description}</span></summary>
${members.length > 0 && memberList(members, 'answer', m)}
${examples.map((text, index) => html`<pre tabindex="0" role="group" aria-label="${m.reference.exampleOf(`${id} ${status} ${index + 1}`)}"><code>${text}</code></pre>\n`)}</details>
`;
}

function successExample(view: View, { operationId, responses }: Located): Html {
  const m = view.m.reference;
  const [status = '', answer] = Object.entries(responses).find(([code]) => code < '3') ?? [];
  const [, media = {}] = mediaOf(answer?.content) ?? [];
  const [text] = examplesOf(media);
  return html`${text && copyable(view, `${operationId}-example`, m.exampleOf(status), text)}`;
}

const exampleOf = ({ example, schema }: Parameter) => String(example ?? schema.examples?.[0] ?? '');

/** The request as a command for a POSIX shell. */
function curl({ method, path, parameters = [], requestBody, security = [] }: Located, url: string) {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(exampleOf(parameters.find((one) => one.name === name) as Parameter) || name),
  );
  const query = parameters
    .filter((one) => one.in === 'query' && one.required)
    .map(({ name, ...one }) => `${name}=${encodeURIComponent(exampleOf(one as Parameter))}`);
  const headers = [
    ...(security.length > 0 ? [`Authorization: Bearer ${NO_KEY}`] : []),
    ...(requestBody ? [`Content-Type: ${mediaOf(requestBody.content)?.[0]}`] : []),
    ...parameters
      .filter((one) => one.in === 'header' && one.required)
      .map(({ name }) => `${name}: YOUR_${name.toUpperCase().replaceAll('-', '_')}`),
  ];
  const words = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(`${url}${filled}${query.length > 0 ? `?${query.join('&')}` : ''}`)}`,
    ...headers.map((header) => `-H ${quoted(header)}`),
    ...bodyExample(requestBody).map((body) => `--data ${quoted(body)}`),
  ];
  return words.join(' \\\n  ');
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The example of a body. The key goes into the header, even if a body may hold it. */
function bodyExample(requestBody: Located['requestBody']): string[] {
  const [, media = {}] = mediaOf(requestBody?.content) ?? [];
  const { example } = media;
  if (typeof example !== 'object' || example === null) return examplesOf(media).slice(0, 1);
  const { apikey: _, ...rest } = example as Record<string, unknown>;
  return [JSON.stringify(rest, null, 2)];
}

/** Sends the request from the page, with the reader's key. */
function console(view: View, operation: Located): Html {
  const { operationId: id, method, path, parameters = [], requestBody, security = [] } = operation;
  const m = view.m.reference;
  const [body] = requestBody ? [...bodyExample(requestBody), ''] : [];
  const field = (name: string, label: string, input: Html) =>
    html`<div class="field"><label for="${id}-${name}">${label}</label>${input}</div>\n`;
  return html`<details class="console needs-script">
<summary>${m.tryIt}</summary>
<form data-method="${method}" data-path="${path}" data-type="${mediaOf(requestBody?.content)?.[0]}" data-failed="${m.failed}" autocomplete="off">
<p class="hint">${m.sends}</p>
${security.length > 0 && field('key', m.key, html`<input id="${id}-key" name="key" spellcheck="false" aria-describedby="${id}-key-hint"><p class="hint" id="${id}-key-hint">${m.keyHint}</p>`)}
${parameters.map((one) =>
  field(
    `${one.in}-${one.name}`,
    one.name,
    html`<input id="${id}-${one.in}-${one.name}" name="${one.in} ${one.name}" placeholder="${exampleOf(one)}" spellcheck="false"${one.required && html` required`}>`,
  ),
)}
${body !== undefined && field('body', m.body, html`<textarea id="${id}-body" name="body" rows="${body.split('\n').length}" spellcheck="false" class="mono">${body}</textarea>`)}
<button>${m.send}</button>
<div class="sent" role="status"></div>
</form>
</details>`;
}
