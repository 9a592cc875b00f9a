import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { causerText, cleanName, lookUpProcess } from './causer.ts';

const lookUp = (pid: number) => {
  if (pid === 812) return { name: 'NetworkManager' };
  return pid === 7 ? 'elsewhere' : 'ended';
};

test('a port id is a program, one that has ended, the kernel, or nobody that can be named', () => {
  assert.equal(causerText(812, lookUp), 'NetworkManager (pid 812)');
  assert.equal(causerText(1234, lookUp), 'pid 1234 (ended)');
  assert.equal(causerText(0, lookUp), 'the kernel');
  assert.equal(causerText(undefined, lookUp), undefined);
  assert.equal(causerText(7, lookUp), 'a program that the kernel does not name');
  assert.equal(causerText(0xfffff123, lookUp), 'a program that the kernel does not name');
});

test('a process is found by its pid, and only in the same network namespace', () => {
  assert.deepEqual(lookUpProcess()(process.pid), { name: readFileSync('/proc/self/comm', 'utf8').trim() });
  assert.equal(lookUpProcess('/proc/self/exe')(process.pid), 'elsewhere');
  assert.equal(lookUpProcess()(2 ** 22), 'ended');
});

test('a name that a process gave itself is cut and cleaned', () => {
  assert.equal(cleanName(`a\u001b[31m${'x'.repeat(100)}\n`), `a[31m${'x'.repeat(27)}`);
});
