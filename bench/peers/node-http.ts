import { createServer } from 'node:http';

// The minimal work of Node's HTTP server: the same bytes for every request.
const { PORT, STATUS = '200', HEADERS = '{}', BODY = '' } = process.env;
const body = Buffer.from(BODY);
const headers = { ...JSON.parse(HEADERS), 'content-length': body.length };

createServer((_request, response) => {
  response.writeHead(Number(STATUS), headers);
  response.end(body);
}).listen(Number(PORT), '127.0.0.1');
