import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { Refusal } from '../../domain/refusal.ts';
import { readRaw } from './receive.ts';

test('a small body is read in the pieces in which it arrives, or refused when its sender leaves', async (t) => {
  let next = Promise.withResolvers<Buffer>();
  const server = createServer((request, response) => {
    const body = readRaw(request, 100);
    body.then(
      () => response.end(),
      () => response.destroy(),
    );
    next.resolve(body);
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const send = () => {
    next = Promise.withResolvers<Buffer>();
    const socket = connect(port, '127.0.0.1').setNoDelay();
    socket.write(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n01234',
    );
    return { socket, body: next.promise };
  };

  const whole = send();
  await once(server, 'request');
  whole.socket.write('56789');
  assert.equal(String(await whole.body), '0123456789');
  whole.socket.destroy();

  const broken = send();
  const refused = broken.body.catch((error) => error);
  await once(server, 'request');
  broken.socket.destroy();
  const expected = new Refusal('malformed', 'The body was not sent to its end');
  assert.deepEqual(await refused, expected);
});
