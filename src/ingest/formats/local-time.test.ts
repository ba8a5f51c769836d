import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localTime } from './local-time.ts';

const iso = (text: string, zone: string) => localTime(text, 'start', zone).toISOString();

test('a local time is read in its zone, in summer and in winter', () => {
  assert.equal(iso('2026-11-23 22:11:05', 'UTC'), '2026-11-23T22:11:05.000Z');
  assert.equal(iso('2026-07-01 12:00:00', 'Europe/Berlin'), '2026-07-01T10:00:00.000Z');
  assert.equal(iso('2026-12-01 12:00:00', 'Europe/Berlin'), '2026-12-01T11:00:00.000Z');
  assert.equal(iso('2026-12-01 12:00:00', 'Asia/Kolkata'), '2026-12-01T06:30:00.000Z');
  assert.equal(iso('2026-12-01T12:00:00.256', 'America/New_York'), '2026-12-01T17:00:00.256Z');
});

test('a zone that is written counts', () => {
  assert.equal(iso('2026-07-01 12:00:00+02', 'UTC'), '2026-07-01T10:00:00.000Z');
  assert.equal(iso('2026-07-01T12:00:00Z', 'Europe/Berlin'), '2026-07-01T12:00:00.000Z');
  assert.equal(iso('2026-07-01T12:00:00-05:30', 'Europe/Berlin'), '2026-07-01T17:30:00.000Z');
});

test('an hour that comes twice is its first, one that never comes is after the change', () => {
  const zone = 'America/New_York';
  assert.equal(iso('2026-11-01 00:59:59', zone), '2026-11-01T04:59:59.000Z');
  assert.equal(iso('2026-11-01 01:30:00', zone), '2026-11-01T05:30:00.000Z');
  assert.equal(iso('2026-11-01 02:00:00', zone), '2026-11-01T07:00:00.000Z');
  assert.equal(iso('2026-03-08 01:59:59', zone), '2026-03-08T06:59:59.000Z');
  assert.equal(iso('2026-03-08 02:30:00', zone), '2026-03-08T07:30:00.000Z');
  assert.equal(iso('2026-03-08 03:00:00', zone), '2026-03-08T07:00:00.000Z');
  assert.equal(iso('2026-04-05 01:45:00', 'Australia/Lord_Howe'), '2026-04-04T14:45:00.000Z');
});

test('an end in an hour that comes twice is in its last', () => {
  const end = (text: string) => localTime(text, 'end', 'America/New_York', 'last').toISOString();
  assert.equal(end('2026-11-01 00:59:59'), '2026-11-01T04:59:59.000Z');
  assert.equal(end('2026-11-01 01:30:00'), '2026-11-01T06:30:00.000Z');
  assert.equal(end('2026-11-01 02:00:00'), '2026-11-01T07:00:00.000Z');
});

test('what is no time is refused', () => {
  for (const text of ['', '2026-02-30 10:00:00', '2026-13-01 10:00:00', '2026-01-01 24:00:00']) {
    assert.throws(() => localTime(text, 'start', 'UTC'), /start is no time/, text);
  }
  assert.throws(() => localTime('2026-01-01 10:60:00', 'start', 'UTC'), /start is no time/);
  assert.throws(() => localTime(1_747_345_200, 'start', 'UTC'), /start is no time/);
});
