import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchUntilEnded } from './host-keys.ts';

test('a watch tells until it has ended, and nothing that was under way then', () => {
  const told: string[] = [];
  let closed = 0;
  let tell: (text: string) => void = assert.fail;
  const end = watchUntilEnded<string>(
    (text) => told.push(text),
    (start) => {
      tell = start;
      return { close: () => closed++ };
    },
  );
  tell('first');
  end();
  tell('late');
  assert.deepEqual([told, closed], [['first'], 1]);
});
