import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMachine } from './find-machine.ts';
import { testPlan } from './test-plan.ts';

test('a machine is found by its name and by its number', () => {
  assert.equal(findMachine(testPlan(), 'm2').address, '10.78.0.12');
  assert.equal(findMachine(testPlan(), '2').address, '10.78.0.12');
});

test('one that is not there is a fault that says which there are', () => {
  assert.throws(() => findMachine(testPlan(), 'm4'), { code: 'machines.unknown', why: 'there are m1 to m3' });
});
