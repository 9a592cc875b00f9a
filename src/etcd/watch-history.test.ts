import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResponseHeader } from './header-message.ts';
import { WatchHistory } from './watch-history.ts';

function header(revision: number, changes: Partial<ResponseHeader> = {}): ResponseHeader {
  return { clusterId: 1n, memberId: 1n, revision, raftTerm: 5, ...changes };
}

function heardAt(revision: number): WatchHistory {
  const history = new WatchHistory(revision + 1);
  history.heard(header(revision));
  return history;
}

test('an answer at or after the last revision seen continues the history', () => {
  assert.ok(heardAt(10).continues(header(10)));
  assert.ok(heardAt(10).continues(header(11, { raftTerm: 6 })));
});

test('a lower revision, a lower term or another cluster does not', () => {
  assert.ok(!heardAt(10).continues(header(9)));
  assert.ok(!heardAt(10).continues(header(11, { raftTerm: 4 })));
  assert.ok(!heardAt(10).continues(header(11, { clusterId: 2n })));
});

test('events move the history to the last of them, progress to the revision of the store', () => {
  const history = heardAt(10);
  history.delivered([
    { type: 'delete', key: '/a', revision: 11 },
    { type: 'delete', key: '/b', revision: 13 },
  ]);
  assert.equal(history.next, 14);
  history.progressed(header(20));
  assert.equal(history.next, 21);
  history.progressed(header(15));
  assert.equal(history.next, 21);
});

test('after a restart any store will do', () => {
  const history = heardAt(10);
  history.restart(3);
  assert.ok(history.continues(header(2, { clusterId: 2n, raftTerm: 1 })));
});
