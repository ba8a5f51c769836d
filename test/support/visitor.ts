import assert from 'node:assert/strict';

export interface Visited {
  status: number;
  headers: Headers;
  /** the target of a redirect; undefined: no redirect */
  location: string | undefined;
  body: string;
}

/** A browser without scripts: only forms and cookies. */
export class Visitor {
  readonly cookies = new Map<string, string>();
  readonly #url: string;
  #page: Visited | undefined;

  /** @param url of the service */
  constructor(url: string) {
    this.#url = url;
  }

  /** A visitor who has signed in. */
  static async signedIn(
    url: string,
    { username, password }: { username: number; password: string },
  ): Promise<Visitor> {
    const visitor = new Visitor(url);
    await visitor.open('/sign-in');
    const answer = await visitor.submit('/sign-in', { login: String(username), password });
    assert.equal(answer.status, 303, answer.body);
    return visitor;
  }

  /** Opens a page. @param path may also be a full address of this service */
  async open(path: string, headers: Record<string, string> = {}): Promise<Visited> {
    this.#page = await this.#fetch(path, { headers });
    return this.#page;
  }

  /** Opens a page and follows its redirects. */
  async follow(path: string): Promise<Visited> {
    let page = await this.open(path);
    for (let steps = 0; page.location && steps < 5; steps++) page = await this.open(page.location);
    return page;
  }

  /**
   * Fills in a form of the open page and sends it; prefilled values stay.
   * @param action selects the form by its target
   */
  async submit(
    action: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Visited> {
    const values = formValues(this.#page?.body ?? '', action);
    return this.post(action, { ...values, ...fields }, headers);
  }

  /** The same, and opens the resulting page, like a browser. */
  async submitAndFollow(action: string, fields: Record<string, string> = {}): Promise<Visited> {
    const answer = await this.submit(action, fields);
    return answer.location === undefined ? answer : this.follow(answer.location);
  }

  /** Sends fields like a form, independent of the open page. */
  async post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Visited> {
    this.#page = await this.#fetch(path, {
      method: 'POST',
      headers,
      body: new URLSearchParams(fields),
    });
    return this.#page;
  }

  /** The same with files, as a form with `multipart/form-data`. */
  async postForm(path: string, fields: Record<string, string | File>): Promise<Visited> {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    this.#page = await this.#fetch(path, { method: 'POST', body });
    return this.#page;
  }

  /** What a form of the open page would send unchanged. */
  fields(action: string): Record<string, string> {
    return formValues(this.#page?.body ?? '', action);
  }

  async #fetch(path: string, options: RequestInit): Promise<Visited> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(new URL(path, this.#url), {
      ...options,
      redirect: 'manual',
      headers: { ...options.headers, ...(cookie ? { cookie } : {}) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value && !line.includes('Max-Age=0')) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    return {
      status: response.status,
      headers: response.headers,
      location: response.headers.get('location') ?? undefined,
      body: await response.text(),
    };
  }
}

/** The values that a page's form for `action` would send unchanged. */
function formValues(page: string, action: string): Record<string, string> {
  const forms = [...page.matchAll(/<form\b[^>]*\baction="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)];
  const form = forms.find((match) => match[1] === action)?.[2];
  assert.ok(form !== undefined, `no form to ${action}; there are: ${forms.map((f) => f[1])}`);
  const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => tag);
  const attribute = (tag: string, name: string) => tag.match(` ${name}="([^"]*)"`)?.[1];
  const sent = inputs.filter((tag) => !/type="(checkbox|radio)"/.test(tag) || / checked/.test(tag));
  const selects = [...form.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/g)];
  const chosen = selects.map(([, tag = '', options = '']) => {
    const [first] = /<option\b[^>]*>/.exec(options) ?? [''];
    const [option] = /<option\b[^>]* selected[^>]*>/.exec(options) ?? [first];
    return [attribute(tag, 'name') ?? '', unescaped(attribute(option, 'value') ?? '')] as const;
  });
  const areas = [...form.matchAll(/<textarea\b([^>]*)>\n?([\s\S]*?)<\/textarea>/g)].map(
    ([, tag = '', text = '']) => [attribute(tag, 'name') ?? '', unescaped(text)] as const,
  );
  return Object.fromEntries([
    ...areas,
    ...sent.map((tag) => [attribute(tag, 'name') ?? '', unescaped(attribute(tag, 'value') ?? '')]),
    ...chosen,
  ]);
}

function unescaped(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}
