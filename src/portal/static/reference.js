// The console of the reference.
const LONGEST = 200_000;

document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const shown = form.querySelector('.sent');
  const button = form.querySelector('button');
  button.disabled = true;
  shown.replaceChildren();
  const started = performance.now();
  try {
    const response = await fetch(...requestOf(form));
    const text = await response.text();
    const took = Math.round(performance.now() - started);
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
    shown.append(
      line(response.ok, `${response.status} ${response.statusText}`, `${took} ms`),
      block(`${lines.join('\n')}\n\n${readable(text).slice(0, LONGEST)}`),
    );
  } catch {
    shown.append(line(false, form.dataset.failed, ''));
  }
  button.disabled = false;
});

/** The request of a form, as the arguments of fetch. */
function requestOf(form) {
  const { method, path, type } = form.dataset;
  const headers = {};
  const query = new URLSearchParams();
  let url = path;
  let body;
  for (const [field, value] of new FormData(form)) {
    const text = value.trim();
    if (text === '') continue;
    const [place, name] = field.split(' ');
    if (place === 'key') headers.authorization = `Bearer ${text}`;
    if (place === 'query') query.append(name, text);
    if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(text));
    if (place === 'header') headers[name] = text;
    if (place === 'body') {
      body = text;
      headers['content-type'] = type;
    }
  }
  return [
    query.size > 0 ? `${url}?${query}` : url,
    { method, headers, body, credentials: 'omit', cache: 'no-store' },
  ];
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function line(isGood, status, took) {
  const mark = document.createElement('span');
  mark.className = `status ${isGood ? 'good' : 'bad'}`;
  mark.textContent = status;
  const paragraph = document.createElement('p');
  paragraph.className = 'sent-status';
  paragraph.append(mark, ` ${took}`);
  return paragraph;
}

function block(text) {
  const pre = document.createElement('pre');
  pre.tabIndex = 0;
  pre.textContent = text;
  return pre;
}

// A key typed once is used for all operations of the page.
document.addEventListener('input', ({ target }) => {
  if (target.name !== 'key') return;
  for (const field of document.getElementsByName('key')) field.value = target.value;
});

// Marks the operation on screen in the list.
const links = new Map(
  [...document.querySelectorAll('.main-nav a')].map((link) => [link.hash.slice(1), link]),
);
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute('aria-current');
      links.get(target.id)?.setAttribute('aria-current', 'true');
    }
  },
  { rootMargin: '-20% 0px -70% 0px' },
);
for (const section of document.querySelectorAll('.operation')) seen.observe(section);

// On a narrow screen the menu covers the operation that it leads to.
const side = document.getElementById('side');
side.addEventListener('click', ({ target }) => {
  if (target.closest('a') && side.matches(':popover-open')) side.hidePopover();
});
