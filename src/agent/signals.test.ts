import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { listenForSignals } from './signals.ts';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the agent, and after it every signal has its default effect`, async () => {
    const source = new EventEmitter();
    const ended = listenForSignals(source, () => undefined);
    source.emit(signal, signal);
    assert.equal(await ended, signal);
    assert.deepEqual(source.eventNames(), []);
  });
}

test('each SIGHUP asks for a reload', async () => {
  const source = new EventEmitter();
  let reloads = 0;
  const ended = listenForSignals(source, () => {
    reloads += 1;
  });
  for (let count = 0; count < 3; count += 1) source.emit('SIGHUP', 'SIGHUP');
  assert.equal(reloads, 3);
  source.emit('SIGTERM', 'SIGTERM');
  await ended;
});

test('without anything to reload SIGHUP is left alone', () => {
  const source = new EventEmitter();
  void listenForSignals(source);
  assert.deepEqual(source.eventNames(), ['SIGTERM', 'SIGINT']);
});
