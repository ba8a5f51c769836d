import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Envelope } from './face.ts';

type EnvelopeOf = (url: string) => Envelope;

const TYPE = 'application/json; charset=utf-8';
const STATUS_BY_CODE: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const FIRST_LINE = /^[A-Z]+ (\S+)/;

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/** The newest exchange of each connection. */
const exchanges = new WeakMap<Duplex, Exchange>();

/**
 * Answers data that is not HTTP or that came too slowly, and closes the connection. A request that
 * was answered before its body broke off gets no second answer.
 */
export function answerClientErrors(envelopeOf: EnvelopeOf) {
  return (error: NodeJS.ErrnoException & { rawPacket?: unknown }, socket: Duplex): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const { request, response } = exchanges.get(socket) ?? {};
    if (response?.headersSent && !request?.complete) {
      socket.end(() => socket.destroy());
      return;
    }
    const { rawPacket: packet } = error;
    // If the head of a request was not read completely, only its first line is known.
    const [, line] =
      FIRST_LINE.exec(Buffer.isBuffer(packet) ? packet.toString('latin1') : '') ?? [];
    const url = line ?? (request?.complete ? '' : request?.url) ?? '';
    socket.end(rawAnswer(envelopeOf(url), STATUS_BY_CODE[error.code ?? ''] ?? 400));
  };
}

/** Answers requests that Node would answer or drop by itself, in the service's own form. */
export function answerUnusualRequests(server: Server, envelopeOf: EnvelopeOf): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    exchanges.set(request.socket, { request, response });
  });
  server.on('connect', ({ url = '' }: IncomingMessage, socket: Duplex) =>
    socket.end(rawAnswer(envelopeOf(url), 405)),
  );
  server.on('checkExpectation', ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    const envelope = envelopeOf(url);
    const requestId = randomUUID();
    const body = JSON.stringify(envelope.failure(417, undefined, requestId));
    response
      .writeHead(417, {
        ...(envelope.namesRequests ? { 'x-request-id': requestId } : {}),
        'content-type': envelope.type ?? TYPE,
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
        connection: 'close',
      })
      .end(body);
  });
}

/** A complete HTTP answer, if there is no response object. */
function rawAnswer(envelope: Envelope, status: number): string {
  const requestId = randomUUID();
  const body = JSON.stringify(envelope.failure(status, undefined, requestId));
  return [
    `HTTP/1.1 ${status} Error`,
    ...(envelope.namesRequests ? [`X-Request-Id: ${requestId}`] : []),
    `Content-Type: ${envelope.type ?? TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
