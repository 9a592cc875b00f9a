import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '#model/ip.ts';
import { OwnFdbWrites } from './own-fdb-writes.ts';

function entry(mac: string, destination: string) {
  return { mac, destination: parseIp(destination) ?? assert.fail(destination) };
}

const PEER = entry('0e:00:00:00:00:02', '192.0.2.2');
const MOVED = entry('0e:00:00:00:00:02', '192.0.2.3');
const PEER_V6 = entry('0e:00:00:00:00:02', 'fd00:77::2');

test('what was written is own once', () => {
  const writes = new OwnFdbWrites();
  writes.replacing(PEER);
  writes.deleting(PEER_V6);
  assert.equal(writes.isOwn('there', PEER), true);
  assert.equal(writes.isOwn('there', PEER), false);
  assert.equal(writes.isOwn('gone', PEER_V6), true);
  assert.equal(writes.isOwn('gone', PEER_V6), false);
});

test('another destination of that MAC is not own, in the other family neither', () => {
  const writes = new OwnFdbWrites();
  writes.replacing(PEER);
  assert.equal(writes.isOwn('there', MOVED), false);
  assert.equal(writes.isOwn('there', PEER_V6), false);
  assert.equal(writes.isOwn('gone', PEER), false);
  assert.equal(writes.isOwn('there', PEER), true);
});

test('an entry that was written again is not waited for to go', () => {
  const writes = new OwnFdbWrites();
  writes.deleting(PEER);
  writes.replacing(PEER);
  assert.equal(writes.isOwn('gone', PEER), false);
});
