import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LAB_NAME } from '#lab/state.ts';
import { MOST_MACHINES, namespacesOf } from './machine-set.ts';
import { testPlan } from './test-plan.ts';

test('each machine has a name, an address, a MAC, an id and a directory of its own', () => {
  const plan = testPlan();
  assert.equal(plan.switchAddress, '10.78.0.1');
  assert.equal(plan.subnet, '10.78.0.0/16');
  assert.deepEqual(plan.machines[1], {
    number: 2,
    name: 'm2',
    namespace: 'weftm-blue-m2',
    address: '10.78.0.12',
    mac: '02:02:02:02:02:02',
    machineId: '02'.repeat(16),
    directory: '/var/lib/weft/machines/blue/m2',
  });
  for (const field of ['name', 'namespace', 'address', 'mac', 'machineId', 'directory'] as const) {
    assert.equal(new Set(plan.machines.map((machine) => machine[field])).size, 3, field);
  }
});

test('no namespace of a set has a name that a lab of the same name uses', () => {
  for (const name of namespacesOf(testPlan())) assert(!name.startsWith('weft-'), name);
});

test('the longest names still fit: a machine of systemd-nspawn has at most 64 characters, a control socket 107', () => {
  const name = 'x'.repeat(32);
  assert.match(name, LAB_NAME);
  const plan = testPlan(name, MOST_MACHINES);
  const last = plan.machines.at(-1);
  assert(last !== undefined && last.namespace.length <= 64);
  // While ssh binds the socket, its name has a dot and 16 characters more.
  assert(`${plan.directory}/ssh/${last.address}.0123456789abcdef`.length <= 107);
});
