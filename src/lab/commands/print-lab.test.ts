import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '#cli/test-context.ts';
import { snapshotOf } from '#lab/test-snapshot.ts';
import { printLab } from './print-lab.ts';

test('the table has what each agent says of itself', () => {
  const verdicts = [
    { state: 'ok', text: 'ok: x' } as const,
    { state: 'trouble', text: 'trouble: x' } as const,
    undefined,
  ];
  const snapshot = snapshotOf(4, ({ agent, ...host }, index) => {
    if (index === 3) return { ...host, agent: { running: false } };
    const verdict = verdicts[index];
    return { ...host, agent: verdict === undefined ? agent : { ...agent, verdict } };
  });
  const { context, out } = testContext();
  printLab(context, snapshot, { output: 'table' });
  const [title = '', ...rows] = out().split('\n').slice(0, 5);
  const at = title.indexOf('STATUS');
  assert.deepEqual(
    rows.map((row) => row.slice(at).split(' ')[0]),
    ['ok', 'trouble', 'silent', '-'],
  );
});
