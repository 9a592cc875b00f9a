import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lostPairs, medianRtt, parseFping } from './matrix.ts';

test('the median of the answers counts, in microseconds', () => {
  const text = '172.30.1.2 : 1.32 0.021 0.036\n172.30.2.2  : 0.5 - 0.7\n172.30.3.2 : - - -\n';
  assert.deepEqual(
    [...parseFping(text)],
    [
      ['172.30.1.2', 36],
      ['172.30.2.2', 500],
    ],
  );
});

test('what routers say about lost packets is passed over', () => {
  const text =
    'ICMP Host Unreachable from 172.30.1.1 for ICMP Echo sent to 172.30.9.2\n\n172.30.1.2 : 0.10 0.10 0.10\n';
  assert.deepEqual([...parseFping(text)], [['172.30.1.2', 100]]);
});

test('addresses of IPv6 are read as well', () => {
  assert.deepEqual([...parseFping('fd30:0:0:2b::2 : 0.10 - 0.12\n')], [['fd30:0:0:2b::2', 100]]);
});

test('lost pairs are named in the order of the matrix', () => {
  const matrix = {
    pods: ['pod1', 'pod2'],
    cells: [
      ['self', 'lost'],
      [40, 'self'],
    ],
  } as const;
  assert.deepEqual(lostPairs(matrix), ['pod1 → pod2']);
  assert.equal(medianRtt(matrix), 40);
});
