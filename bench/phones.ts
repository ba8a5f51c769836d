import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Phones that register at a steady pace, regardless of the answers, in a separate process. */
export interface PhonesJob {
  /** of the SIP server, on this machine */
  port: number;
  /** username and HA1 of each phone */
  phones: [string, string][];
  perSecond: number;
}

export interface PhonesOutcome {
  /** REGISTERs with the answer 200, each after its challenge */
  registered: number;
  /** from the first request to the last answer */
  seconds: number;
  resent: number;
  medianMs: number;
  p99Ms: number;
}

const SOCKETS = 4;
const TICK_MS = 10;
const RESEND_MS = 500;
const LAST_WAIT_MS = 10_000;
const RECEIVE_BYTES = 4 * 1024 * 1024;
const REALM = 'sip.example.com';
const URI = `sip:${REALM}`;

interface Phone {
  username: string;
  ha1: string;
  socket: Socket;
  began: number;
  sentAt: number;
  text: string;
}

process.on('message', async (job: PhonesJob) => {
  process.send?.(await run(job));
});

async function run({ port, phones, perSecond }: PhonesJob): Promise<PhonesOutcome> {
  const waiting = new Map<string, Phone>();
  const milliseconds: number[] = [];
  let [resent, last] = [0, 0];
  const round = process.hrtime.bigint();
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BYTES });
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      socket.on('message', (bytes) => hear(bytes.toString('latin1')));
      return socket;
    }),
  );
  const send = (phone: Phone) => {
    phone.sentAt = performance.now();
    phone.socket.send(phone.text, port, '127.0.0.1');
  };
  const hear = (text: string) => {
    const [, callId = ''] = /\r\nCall-ID: (\S+)/i.exec(text) ?? [];
    const phone = waiting.get(callId);
    if (!phone) return;
    const status = text.slice(8, 11);
    if (status === '401' && !phone.text.includes('\r\nAuthorization:')) {
      phone.text = requestOf(phone, callId, credentials(phone, /nonce="([^"]*)"/.exec(text)?.[1]));
      send(phone);
    } else if (status === '200') {
      waiting.delete(callId);
      last = performance.now();
      milliseconds.push(last - phone.began);
    }
  };
  const first = performance.now();
  for (let next = 0; next < phones.length; await sleep(TICK_MS)) {
    const now = performance.now();
    const due = Math.min(phones.length, Math.ceil(((now - first) / 1_000) * perSecond));
    for (; next < due; next++) {
      const [username, ha1] = phones[next] as [string, string];
      const callId = `${username}-${round}`;
      const socket = sockets[next % SOCKETS] as Socket;
      const phone: Phone = { username, ha1, socket, began: now, sentAt: now, text: '' };
      phone.text = requestOf(phone, callId);
      waiting.set(callId, phone);
      send(phone);
    }
    resendLate();
  }
  function resendLate() {
    const late = performance.now() - RESEND_MS;
    // The phones are ordered by age.
    for (const phone of waiting.values()) {
      if (phone.began > late) break;
      if (phone.sentAt > late) continue;
      resent++;
      send(phone);
    }
  }
  for (const end = Date.now() + LAST_WAIT_MS; waiting.size > 0 && Date.now() < end; ) {
    await sleep(TICK_MS);
    resendLate();
  }
  for (const socket of sockets) socket.close();
  const sorted = milliseconds.sort((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return {
    registered: sorted.length,
    seconds: (last - first) / 1_000,
    resent,
    medianMs: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

function requestOf({ username, socket }: Phone, callId: string, authorization?: string): string {
  const at = `127.0.0.1:${socket.address().port}`;
  const cseq = authorization ? 2 : 1;
  return [
    `REGISTER ${URI} SIP/2.0`,
    `Via: SIP/2.0/UDP ${at};branch=z9hG4bK${callId}-${cseq};rport`,
    `From: <sip:${username}@${REALM}>;tag=${username}`,
    `To: <sip:${username}@${REALM}>`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} REGISTER`,
    `Contact: <sip:${username}@${at}>`,
    ...(authorization ? [`Authorization: ${authorization}`] : []),
    'Max-Forwards: 70',
    'Expires: 600',
    'User-Agent: Benchmark',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

function credentials({ username, ha1 }: Phone, nonce = ''): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const response = md5(`${ha1}:${nonce}:00000001:0a4f113b:auth:${md5(`REGISTER:${URI}`)}`);
  return (
    `Digest username="${username}", realm="${REALM}", nonce="${nonce}", uri="${URI}", ` +
    `response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"`
  );
}
