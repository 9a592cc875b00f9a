import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, requireWholeState } from './fabric-state.ts';

const WHOLE = [
  'flannel.1: mtu 1450',
  'route 172.30.2.0/24',
  'neighbour 172.30.2.0',
  'fdb 0a:00',
  '-A FLANNEL-FWD',
  'record 172.30.1.0/24',
];

test('what is gone and what is new is named with its host; what is the same is not', () => {
  const before = new Map([
    ['host1', ['a', 'b']],
    ['host2', ['c']],
  ]);
  const after = new Map([
    ['host1', ['b', 'd']],
    ['host2', ['c']],
  ]);
  assert.deepEqual(differences(before, before), []);
  assert.deepEqual(differences(before, after), ['host1: - a', 'host1: + d']);
  assert.deepEqual(differences(before, new Map([['host1', ['a', 'b']]])), ['host2: - c']);
});

test('a state in which a kind of thing is missing is no ground for a comparison', () => {
  const state = new Map([['host1', WHOLE]]);
  assert.equal(requireWholeState(state), state);
  const blind = new Map([['host1', WHOLE.filter((line) => !line.startsWith('fdb '))]]);
  assert.throws(() => requireWholeState(blind), { code: 'lab.up', message: /host1 has nothing of this kind: fdb/ });
});
