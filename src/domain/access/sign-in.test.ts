import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { Refusal } from '../refusal.ts';
import { deleteOldOrigins, rememberAddress, rememberDevice } from './known-origin.ts';
import { randomId } from './session.ts';
import { checkSignIn } from './sign-in.ts';

const api = sharedService();

// The clock stands still between the steps, so their duration does not matter.
let now = new Date();
const advance = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000);
};

interface Try {
  login: string;
  password?: string;
  address?: string;
  network?: string;
  device?: string;
}

/** The result of an attempt: `good`, `wrong`, or the seconds to wait. */
async function attempt({ login, password = 'wrong', address, network, device }: Try) {
  const { db, keyring } = api.service;
  try {
    const { signedIn } = await checkSignIn(db, keyring, {
      login,
      password,
      from: { address: address ?? randomId(), network },
      device: device ?? randomId(),
      now,
    });
    return signedIn ? 'good' : 'wrong';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.retryAfterSeconds ?? 0;
  }
}

async function repeat(count: number, what: () => Promise<unknown>) {
  const results = [];
  for (let done = 0; done < count; done++) results.push(await what());
  return results;
}

test('after five failures of an account each further one doubles the pause, up to 15 minutes', async () => {
  const { username } = await api.signUp();
  const login = String(username);
  assert.deepEqual(await repeat(5, () => attempt({ login })), Array(5).fill('wrong'));
  const pauses = [];
  for (let failure = 6; failure <= 18; failure++) {
    assert.equal(await attempt({ login }), 'wrong');
    const pause = await attempt({ login });
    assert.equal(typeof pause, 'number');
    pauses.push(pause);
    advance(Number(pause) + 1);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
});

test('the right password has to wait as well, and ends the counting', async () => {
  const { username, password } = await api.signUp();
  const login = String(username);
  await repeat(10, async () => {
    await attempt({ login });
    advance(20);
  });
  await attempt({ login });
  assert.equal(typeof (await attempt({ login, password })), 'number');
  advance(60);
  assert.equal(await attempt({ login, password }), 'good');
  assert.deepEqual(await repeat(5, () => attempt({ login })), Array(5).fill('wrong'));
});

test('strangers do not keep the owner out of a browser that signed in before', async () => {
  const { db, keyring } = api.service;
  const { username, password } = await api.signUp();
  const login = String(username);
  const device = randomId();
  await rememberDevice(db, { keyring, now }, username, device);
  await repeat(12, () => attempt({ login }));
  assert.equal(typeof (await attempt({ login, password })), 'number');
  assert.equal(await attempt({ login, password, device }), 'good');
  await repeat(6, () => attempt({ login, device }));
  assert.equal(
    typeof (await attempt({ login, password, device })),
    'number',
    'it has its own count',
  );
});

test('an account that does not exist is slowed down just the same', async () => {
  for (const login of ['2000000009', 'nobody@example.com']) {
    assert.deepEqual(await repeat(6, () => attempt({ login })), Array(6).fill('wrong'));
    assert.equal(await attempt({ login }), 1);
  }
});

test('an address that fails at many accounts is slowed down, and what succeeds does not count', async () => {
  const { username, password } = await api.signUp();
  const address = '192.0.2.77';
  const own = { login: String(username), password, address };
  assert.deepEqual(await repeat(30, () => attempt(own)), Array(30).fill('good'));
  let account = 3_000_000_000;
  const other = () => attempt({ login: String(account++), address });
  assert.deepEqual(await repeat(21, other), Array(21).fill('wrong'));
  assert.equal(await other(), 1);
  assert.equal(await attempt({ ...own, address: '192.0.2.78' }), 'good');
});

test('of many attempts at once no more than the free ones pass', async () => {
  const { username } = await api.signUp();
  const login = String(username);
  const results = await Promise.all(Array.from({ length: 40 }, () => attempt({ login })));
  assert.equal(results.filter((result) => result === 'wrong').length, 6);
});

test('failures are forgotten after a day', async () => {
  const { username } = await api.signUp();
  const login = String(username);
  await repeat(6, () => attempt({ login }));
  assert.equal(await attempt({ login }), 1);
  advance(86_401);
  assert.deepEqual(await repeat(5, () => attempt({ login })), Array(5).fill('wrong'));
});

test('failures with an address do not tell which username it belongs to', async () => {
  const { username, email } = await api.signUp();
  const stranger = await api.signUp();
  await repeat(6, () => attempt({ login: email }));
  assert.deepEqual(
    [
      await attempt({ login: email }),
      await attempt({ login: email.toUpperCase() }),
      await attempt({ login: String(username) }),
      await attempt({ login: String(stranger.username) }),
    ],
    [1, 1, 'wrong', 'wrong'],
  );
});

test('strangers do not keep the owner out of an address that signed in lately', async () => {
  const { db, keyring } = api.service;
  const { username, password, email } = await api.signUp();
  const address = '198.51.100.20';
  await rememberAddress(db, { keyring, now }, username, { address, network: undefined });
  for (const login of [String(username), email]) {
    await repeat(12, () => attempt({ login }));
    assert.equal(typeof (await attempt({ login, password })), 'number');
    assert.equal(await attempt({ login, password, address }), 'good');
  }
  await deleteOldOrigins(db, new Date(now.getTime() + 31 * 86_400_000));
  await repeat(6, () => attempt({ login: email }));
  assert.equal(typeof (await attempt({ login: email, password, address })), 'number');
});

test('addresses of one IPv6 /48 are counted together as well', async () => {
  const network = '2001:db8:48::/48';
  let account = 4_000_000_000;
  const other = () => attempt({ login: String(account++), network });
  assert.deepEqual(await repeat(101, other), Array(101).fill('wrong'));
  assert.equal(await other(), 1);
  const { username, password } = await api.signUp();
  const login = String(username);
  assert.equal(await attempt({ login, password, network: '2001:db8:49::/48' }), 'good');
});
