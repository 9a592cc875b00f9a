import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnvironmentFile } from './environment-file.ts';

for (const [text, value] of [
  ['A=10.1.74.1/24\n', '10.1.74.1/24'],
  ['A=1\nA=2', '2'],
  ['  export A=x', 'x'],
  ['A="two  words"', 'two  words'],
  ["A='single $HOME' # why", 'single $HOME'],
  ['A=two words \r\n', 'two words'],
  ['A=x # comment', 'x'],
  ['A=x#1', 'x#1'],
  ['A=# comment', ''],
  ['A=', ''],
  ['A = x', 'x'],
  ['A="a\\"b\\\\c\\$d\\e"', 'a"b\\c$d\\e'],
  ['A=a\\ b\\\nc', 'a bc'],
  ['A="one\ntwo"\nB=3', 'one\ntwo'],
  ['A=pre"in side"post', 'prein sidepost'],
  ['# A=no\n\n[ -f x ] && y\nA=yes', 'yes'],
  ['A=$(touch /tmp/owned)`id`', '$(touch /tmp/owned)`id`'],
  ["A=''", ''],
] as const) {
  test(`${JSON.stringify(text)} says that A is ${JSON.stringify(value)}`, () => {
    assert.equal(parseEnvironmentFile(text).get('A'), value);
  });
}

test('every variable is read, and what is no name is not one', () => {
  assert.deepEqual(
    [...parseEnvironmentFile('A=1\n2B=x\nC-D=x\n_e=2')],
    [
      ['A', '1'],
      ['_e', '2'],
    ],
  );
});

test('an open quote is refused by the name of the variable', () => {
  assert.throws(() => parseEnvironmentFile('A=1\nB="x\nC=2\n'), { code: 'docker.subnet-file', message: /value of B/ });
});

test('a huge file is refused', () => {
  assert.throws(() => parseEnvironmentFile('A'.repeat(70_000)), { code: 'docker.subnet-file' });
});
