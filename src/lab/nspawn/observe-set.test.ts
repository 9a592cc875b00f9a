import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MachineSnapshot, type SetSnapshot, setProblems } from './observe-set.ts';

const GOOD: MachineSnapshot = {
  name: 'm1',
  address: '10.78.0.11',
  power: 'on',
  system: 'running',
  failedUnits: [],
  machineId: '01'.repeat(16),
  namespace: 'weftm-blue-m1',
};

function problemsOf(machine: MachineSnapshot, phase: SetSnapshot['phase'] = 'up'): readonly string[] {
  const snapshot: SetSnapshot = {
    name: 'blue',
    phase,
    createdAt: '2026-01-01T00:00:00.000Z',
    subnet: '10.78.0.0/16',
    sshConfig: '/x/config',
    base: '/base',
    packages: [],
    internet: false,
    machines: [machine],
    snapshots: [],
  };
  return setProblems(snapshot);
}

test('a machine that runs is no problem', () => {
  assert.deepEqual(problemsOf(GOOD), []);
});

test('one that is off, one that is silent and one with a failed unit are named, each in its words', () => {
  const { system: _, ...silent } = GOOD;
  assert.deepEqual(problemsOf({ ...silent, power: 'off' }), ['m1 is off: weft lab machines reboot m1']);
  assert.deepEqual(problemsOf(silent), ['m1 does not answer by SSH']);
  assert.deepEqual(problemsOf({ ...GOOD, system: 'degraded', failedUnits: ['docker.service'] }), [
    'm1 is degraded, docker.service',
  ]);
});

test('machines that an up or a down left unfinished are named, with the way out', () => {
  assert.match(problemsOf(GOOD, 'starting').join(), /an up is at work on them, or was killed \(weft lab machines down/);
  assert.match(problemsOf(GOOD, 'removing').join(), /a down was interrupted/);
});
