import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProgress } from './progress.ts';
import { testContext } from './test-context.ts';

test('without a terminal there is a plain line per step', () => {
  const { context, notes } = testContext();
  using progress = startProgress(context);
  progress.step('start etcd');
  progress.update('start etcd: 2 of 3');
  progress.note('etcd is slow today');
  progress.done();
  progress.step('start agents');
  progress.fail('start agents: host2');
  assert.equal(
    notes(),
    'start etcd …\netcd is slow today\ndone: start etcd: 2 of 3\nstart agents …\nfailed: start agents: host2\n',
  );
});

test('a step that follows another needs no done between them', () => {
  const { context, notes } = testContext();
  using progress = startProgress(context);
  progress.step('one');
  progress.step('two');
  progress.done('both');
  assert.equal(notes(), 'one …\ntwo …\ndone: both\n');
});

test('with --quiet there is nothing', () => {
  const { context, notes } = testContext({ interactive: true });
  using progress = startProgress(context, { quiet: true });
  progress.step('one');
  progress.done();
  assert.equal(notes(), '');
});

test('on a terminal the line is drawn over, and ends with a mark', () => {
  const { context, notes } = testContext({ interactive: true });
  using progress = startProgress(context);
  progress.step('one');
  progress.done();
  assert.equal(notes(), '\r\u001b[2K⠋ one\r\u001b[2K✔ one\n');
});

test('a block that is left by an exception says where it stopped, and the timer ends', () => {
  const { context, notes } = testContext({ interactive: true });
  assert.throws(() => {
    using progress = startProgress(context);
    progress.step('one');
    throw new Error('cut');
  }, /cut/);
  assert.match(notes(), /one: stopped\n$/);
});
