import Fastify from 'fastify';

// A route of Fastify with the same answer, and nothing else.
const { PORT, HEADERS = '{}', BODY = '' } = process.env;
const headers = JSON.parse(HEADERS) as Record<string, string>;

const app = Fastify();
app.all('/*', (_request, reply) => reply.headers(headers).send(BODY));
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
