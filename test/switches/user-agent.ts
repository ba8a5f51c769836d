import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Phone, REALM, type SipServer } from '../kamailio/switch.ts';
import { waitUntil } from '../support/wait.ts';

const RESEND_MS = 500;
const ANSWER_WAIT_MS = 20_000;

/** A call of a user agent. */
export interface Dialog {
  callId: string;
  localTag: string;
  remoteTag: string;
  /** values of From and To as this side sends them */
  local: string;
  remote: string;
  /** the other side's address, and the route to it */
  target: string;
  routes: string[];
  cseq: number;
  ended: boolean;
}

interface Message {
  start: string;
  headers: [string, string][];
}

/**
 * A phone or a carrier that a test controls, over UDP. It answers calls at once. It accepts REFER
 * without following it: the test does the transfer. SIPp cannot hold two calls in one scenario, but
 * an attended transfer needs two.
 */
export class UserAgent {
  readonly #at: SipServer;
  readonly #phone: Phone | undefined;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, (answer: Message) => void>();
  /** calls in order of their start */
  readonly calls: Dialog[] = [];
  /** Refer-To of the received REFERs */
  readonly referred: string[] = [];

  private constructor(at: SipServer, phone: Phone | undefined, socket: Socket) {
    this.#at = at;
    this.#phone = phone;
    this.#socket = socket;
    socket.on('message', (bytes) => this.#hear(parse(bytes.toString('latin1'))));
  }

  /** @param phone undefined: it does not identify itself, like a carrier */
  static async open(at: SipServer, phone?: Phone, host = '127.0.0.1'): Promise<UserAgent> {
    const socket = createSocket('udp4');
    socket.bind(0, host);
    await once(socket, 'listening');
    // A socket that a failed test left open must not keep the process alive.
    socket.unref();
    return new UserAgent(at, phone, socket);
  }

  get #address(): string {
    const { address, port } = this.#socket.address();
    return `${address}:${port}`;
  }

  get #user(): string {
    return String(this.#phone?.username ?? '2125550100');
  }

  /** @throws Error if the answer is not 200 */
  async register(): Promise<void> {
    const aor = `<sip:${this.#user}@${REALM}>`;
    const answer = await this.#ask('REGISTER', `sip:${REALM}`, {
      from: `${aor};tag=${token()}`,
      to: aor,
      callId: token(),
      cseq: 1,
      headers: ['Expires: 60'],
    });
    if (statusOf(answer) !== 200) throw new Error(answer.start);
  }

  /**
   * Calls a number. @returns the answered call, or the status that refused it
   * @param options `replaces` is the header's value
   */
  async call(
    number: string,
    options: { name?: string; callId?: string; replaces?: string } = {},
  ): Promise<Dialog | number> {
    const { name = 'Alice', callId = token(), replaces } = options;
    const localTag = token();
    const local = `"${name}" <sip:${this.#user}@${REALM}>;tag=${localTag}`;
    const uri = `sip:${number}@${REALM}`;
    const answer = await this.#ask('INVITE', uri, {
      from: local,
      to: `<${uri}>`,
      callId,
      cseq: 1,
      headers: replaces ? [`Replaces: ${replaces}`] : [],
      body: SDP,
    });
    if (statusOf(answer) !== 200) return statusOf(answer);
    const remote = headerOf(answer, 'To');
    const dialog: Dialog = {
      callId,
      localTag,
      remoteTag: tagOf(remote),
      local,
      remote,
      target: uriOf(headerOf(answer, 'Contact')),
      routes: headersOf(answer, 'Record-Route').reverse(),
      cseq: Number(headerOf(answer, 'CSeq').split(' ')[0]),
      ended: false,
    };
    this.calls.push(dialog);
    this.#send(this.#request('ACK', dialog.target, inDialog(dialog), branch()));
    return dialog;
  }

  /** Waits for an incoming call. @returns the newest call */
  async called(): Promise<Dialog> {
    const before = this.calls.length;
    await waitUntil(() => this.calls.length > before);
    return this.calls.at(-1) as Dialog;
  }

  /** Asks the other side of a call to call another number instead. @returns the answer's status */
  async refer(dialog: Dialog, number: string, replaced?: Dialog): Promise<number> {
    const replaces = replaced ? `?Replaces=${encodeURIComponent(replacesOf(replaced))}` : '';
    const headers = [`Refer-To: <sip:${number}@${REALM}${replaces}>`];
    return statusOf(await this.#within(dialog, 'REFER', headers));
  }

  /** Ends a call, unless it has ended. */
  async hangUp(dialog: Dialog): Promise<void> {
    if (dialog.ended) return;
    dialog.ended = true;
    await this.#within(dialog, 'BYE');
  }

  close(): void {
    this.#socket.close();
  }

  #within(dialog: Dialog, method: string, headers: string[] = []): Promise<Message> {
    dialog.cseq++;
    return this.#ask(method, dialog.target, { ...inDialog(dialog), headers });
  }

  /** @returns the final answer; after a challenge, that of the second request */
  async #ask(method: string, uri: string, fields: RequestFields): Promise<Message> {
    const first = await this.#sendUntilAnswered(method, uri, fields);
    const challenge = headerOf(first, 'WWW-Authenticate') || headerOf(first, 'Proxy-Authenticate');
    if (challenge === '' || !this.#phone) return first;
    const name = statusOf(first) === 401 ? 'Authorization' : 'Proxy-Authorization';
    const credentials = `${name}: ${digest(this.#phone, method, uri, challenge)}`;
    const again = { ...fields, cseq: fields.cseq + 1 };
    const headers = [...(fields.headers ?? []), credentials];
    return this.#sendUntilAnswered(method, uri, { ...again, headers });
  }

  async #sendUntilAnswered(method: string, uri: string, fields: RequestFields): Promise<Message> {
    const key = branch();
    let last: Message | undefined;
    this.#waiting.set(key, (answer) => {
      last = answer;
    });
    const isFinal = () => last !== undefined && statusOf(last) >= 200;
    const text = this.#request(method, uri, fields, key);
    for (const deadline = Date.now() + ANSWER_WAIT_MS; !isFinal(); ) {
      if (Date.now() > deadline) throw new Error(`no answer to ${text}`);
      if (!last) this.#send(text);
      await Promise.race([waitUntil(isFinal, RESEND_MS).catch(() => undefined), sleep(RESEND_MS)]);
    }
    this.#waiting.delete(key);
    const answer = last as unknown as Message;
    if (method === 'INVITE' && statusOf(answer) >= 300) {
      const { headers: _, body: _body, ...rest } = fields;
      this.#send(this.#request('ACK', uri, { ...rest, to: headerOf(answer, 'To') }, key));
    }
    return answer;
  }

  #request(method: string, uri: string, fields: RequestFields, key: string): string {
    const { from, to, callId, cseq, routes = [], headers = [], body = '' } = fields;
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.#address};branch=${key};rport`,
      ...routes.map((route) => `Route: ${route}`),
      `From: ${from}`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:${this.#user}@${this.#address}>`,
      'Max-Forwards: 70',
      ...headers,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  }

  #send(text: string, port = this.#at.port): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
  }

  #hear(message: Message): void {
    if (message.start.startsWith('SIP/2.0')) {
      const [, key = ''] = /branch=([^;]*)/.exec(headerOf(message, 'Via')) ?? [];
      this.#waiting.get(key)?.(message);
      return;
    }
    const [method = ''] = message.start.split(' ');
    if (method === 'ACK') return;
    const dialog = this.calls.find(({ callId }) => callId === headerOf(message, 'Call-ID'));
    if (method === 'BYE' && dialog) dialog.ended = true;
    if (method === 'REFER') this.referred.push(headerOf(message, 'Refer-To'));
    const called = method === 'INVITE' && !dialog ? this.#newCall(message) : dialog;
    this.#answer(message, method === 'REFER' ? '202 Accepted' : '200 OK', called);
  }

  #newCall(invite: Message): Dialog {
    const localTag = token();
    const remote = headerOf(invite, 'From');
    const dialog: Dialog = {
      callId: headerOf(invite, 'Call-ID'),
      localTag,
      remoteTag: tagOf(remote),
      local: `${headerOf(invite, 'To')};tag=${localTag}`,
      remote,
      target: uriOf(headerOf(invite, 'Contact')),
      routes: headersOf(invite, 'Record-Route'),
      cseq: 0,
      ended: false,
    };
    this.calls.push(dialog);
    return dialog;
  }

  #answer(request: Message, status: string, dialog: Dialog | undefined): void {
    const to = headerOf(request, 'To');
    const isInvite = headerOf(request, 'CSeq').endsWith('INVITE');
    const lines = (name: string) => headersOf(request, name).map((value) => `${name}: ${value}`);
    const text = [
      `SIP/2.0 ${status}`,
      ...lines('Via'),
      ...lines('Record-Route'),
      ...lines('From'),
      `To: ${to.includes(';tag=') || !dialog ? to : `${to};tag=${dialog.localTag}`}`,
      ...lines('Call-ID'),
      ...lines('CSeq'),
      `Contact: <sip:${this.#user}@${this.#address}>`,
      ...(isInvite ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${isInvite ? SDP.length : 0}`,
      '',
      isInvite ? SDP : '',
    ];
    this.#send(text.join('\r\n'));
  }
}

interface RequestFields {
  from: string;
  to: string;
  callId: string;
  cseq: number;
  routes?: string[];
  headers?: string[];
  body?: string;
}

const SDP = [
  'v=0',
  'o=u 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 6004 RTP/AVP 0',
  '',
].join('\r\n');

/**
 * The call as Replaces names it to the other side (RFC 3891), with the tags from that side's view.
 */
function replacesOf({ callId, localTag, remoteTag }: Dialog): string {
  return `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
}

function inDialog({ local, remote, callId, cseq, routes }: Dialog): RequestFields {
  return { from: local, to: remote, callId, cseq, routes };
}

const token = () => randomBytes(8).toString('hex');
const branch = () => `z9hG4bK${token()}`;
const statusOf = ({ start }: Message) => Number(start.split(' ')[1]);
const tagOf = (address: string) => /;tag=([^;]*)/.exec(address)?.[1] ?? '';
const uriOf = (address: string) => /<([^>]*)>/.exec(address)?.[1] ?? address;

function parse(text: string): Message {
  const [head = ''] = text.split('\r\n\r\n');
  const [start = '', ...lines] = head.split('\r\n');
  return {
    start,
    headers: lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  };
}

function headersOf({ headers }: Message, name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([header]) => header === wanted).map(([, value]) => value);
}

const headerOf = (message: Message, name: string) => headersOf(message, name)[0] ?? '';

/** RFC 2617, with or without qop. */
function digest(phone: Phone, method: string, uri: string, challenge: string): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const part = (name: string) => new RegExp(`${name}="?([^",]*)`).exec(challenge)?.[1] ?? '';
  const { username, secret } = phone;
  const [realm, nonce] = [part('realm'), part('nonce')];
  const ha1 = md5(`${username}:${realm}:${secret}`);
  const ha2 = md5(`${method}:${uri}`);
  const hasQop = /qop=/.test(challenge);
  const response = md5(
    hasQop ? `${ha1}:${nonce}:00000001:0a4f113b:auth:${ha2}` : `${ha1}:${nonce}:${ha2}`,
  );
  const opaque = part('opaque');
  return [
    `Digest username="${username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${response}"`,
    'algorithm=MD5',
    ...(opaque ? [`opaque="${opaque}"`] : []),
    ...(hasQop ? ['qop=auth', 'nc=00000001', 'cnonce="0a4f113b"'] : []),
  ].join(', ');
}

/** The answered call. @throws Error if the call was refused */
export async function answered(call: Promise<Dialog | number>): Promise<Dialog> {
  const dialog = await call;
  if (typeof dialog === 'number') throw new Error(`refused: ${dialog}`);
  return dialog;
}
