import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawMatrix, formatMicroseconds } from './draw-matrix.ts';
import { snapshotOf } from './test-snapshot.ts';

const plain = (columns: number) => ({ columns, paint: (_: unknown, text: string) => text });

function matrixOf(count: number, cut?: number) {
  const { matrix } = snapshotOf(count, (host, index) => (index === cut ? { ...host, uplink: 'cut' } : host));
  assert(matrix !== undefined);
  return matrix;
}

test('the matrix shows round trips, a dot for oneself and a cross for a lost pair', () => {
  assert.equal(
    drawMatrix(matrixOf(3, 2), plain(80)),
    `\
       pod1   pod2   pod3
pod1      ·  77 µs      ✗
pod2  91 µs      ·      ✗
pod3      ✗      ✗      ·
2 of 6 pairs answer, median 77 µs, slowest 91 µs (pod2 → pod1)
`,
  );
});

test('more Pods than fit with numbers show as marks', () => {
  const lines = drawMatrix(matrixOf(20, 1), plain(80)).split('\n');
  assert.equal(lines[0], 'pod1  ·✗●●●●●●●●●●●●●●●●●●');
  assert.equal(lines[1], 'pod2  ✗·✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗');
  assert.match(lines[20] ?? '', /^342 of 380 pairs answer/);
});

test('a matrix without one answer has no times', () => {
  const matrix = {
    pods: ['pod1', 'pod2'],
    cells: [
      ['self', 'lost'],
      ['lost', 'self'],
    ],
  } as const;
  assert.match(drawMatrix(matrix, plain(80)), /\n0 of 2 pairs answer\n$/);
});

test('times keep two or three digits', () => {
  for (const [value, text] of [
    [85, '85 µs'],
    [999, '999 µs'],
    [1000, '1.0 ms'],
    [9950, '9.9 ms'],
    [120_400, '120 ms'],
  ] as const) {
    assert.equal(formatMicroseconds(value), text);
  }
});
