// What the files in deploy/ say of the service, which no other test runs: the container and the unit.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SETTINGS } from '../src/settings.ts';
import { startChild } from './support/child.ts';
import { freePort } from './support/free-port.ts';
import { sharedService } from './support/service.ts';

const root = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const api = sharedService();

/** The instructions of the Dockerfile, such as `['USER', 'account-api']`; lines that go on are one. */
const instructions = read('deploy/container/Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, '')
  .split('\n')
  .filter(Boolean)
  .map((line) => line.split(/\s+(.*)/s, 2) as [string, string]);
const all = (name: string) =>
  instructions.filter(([first]) => first === name).map(([, text]) => text);

test('the image has bases without a default, and does not run as root', () => {
  const bases = all('FROM').map((from) => /^\$\{(\w+)\}/.exec(from)?.[1]);
  // The builder names a digest; without a value, the build ends.
  assert.deepEqual(all('ARG'), bases);
  assert.match(all('RUN').join('\n'), /\bnpm ci --omit=dev\b/);
  assert.deepEqual(all('USER'), ['account-api']);
  const later = instructions.slice(instructions.findIndex(([name]) => name === 'USER'));
  assert.deepEqual(
    later.map(([name]) => name),
    ['USER', 'ENV', 'VOLUME', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'CMD'],
  );
});

test('the image copies what exists, keeps its data in the volume and listens on the default port', () => {
  const copied = all('COPY').filter((text) => !text.startsWith('--from'));
  for (const text of copied) {
    for (const file of text.split(' ').slice(0, -1))
      assert.ok(existsSync(new URL(file, root)), file);
  }
  const [folder] = all('VOLUME');
  assert.match(all('ENV').join(), new RegExp(`\\bHOST=0\\.0\\.0\\.0 DATA_DIR=${folder}$`));
  assert.match(all('RUN').join('\n'), new RegExp(`install -d -m 700 -o account-api ${folder}$`));
  assert.deepEqual(all('EXPOSE'), [String(SETTINGS.PORT.default)]);
  assert.ok(existsSync(new URL(JSON.parse(all('CMD').join())[1], root)));
});

test('its health check passes while the service answers, and only then', async () => {
  const [check = ''] = all('HEALTHCHECK');
  const command = JSON.parse(check.replace(/^.* CMD /s, ''));
  const checked = (port: string | number) =>
    startChild(command, { cwd: root, env: { PORT: String(port) } }).ended;
  assert.equal(await checked(new URL(api.url).port), 0);
  assert.equal(await checked(await freePort()), 1);
  assert.match(command.at(-1), new RegExp(`PORT \\|\\| ${SETTINGS.PORT.default}\\b`));
});

test('the unit and nginx start and ask the service as it is', () => {
  const unit = read('deploy/systemd/account-api.service');
  const of = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  const [program, file] = of('ExecStart').split(' ');
  assert.equal(program, `${of('WorkingDirectory')}/node_modules/.bin/node`);
  assert.ok(existsSync(new URL(file as string, root)));
  assert.match(of('Environment'), new RegExp(`\\bDATA_DIR=/var/lib/${of('StateDirectory')}/`));
  assert.ok(of('User') && of('User') !== 'root');
  const nginx = read('deploy/nginx/account-api.conf');
  assert.match(nginx, new RegExp(`server ${SETTINGS.HOST.default}:${SETTINGS.PORT.default};`));
});
