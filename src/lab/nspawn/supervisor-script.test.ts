import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { FIRST_STACK } from './disk-stack.ts';
import { supervisorScript } from './supervisor-script.ts';
import { testPlan } from './test-plan.ts';

const plan = testPlan();
const [, second] = plan.machines;
if (second === undefined) throw new Error('the plan has machines');
const script = supervisorScript(plan, second, FIRST_STACK, ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified']);

test('the script is one that a shell can read', () => {
  const { status, stderr } = spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('the machine gets a cgroup of its own in every hierarchy that systemd uses', () => {
  for (const path of ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified']) {
    const group = `${path}/weft-machines-blue/m2`;
    assert(script.includes(`mkdir -p ${group} && echo $$ >${group}/cgroup.procs || exit 1`), path);
  }
});

test('names that this computer has only one space for carry the name of the set', () => {
  assert.match(script, /--machine=weftm-blue-m2 --hostname=m2 /);
  assert.match(script, /ip netns add weftm-blue-m2 /);
});

test('its network is its address on the switch, and the switch its gateway', () => {
  assert.match(script, /^address add 10\.78\.0\.12\/16 dev eth0$/m);
  assert.match(script, /^route add default via 10\.78\.0\.1$/m);
  assert.match(script, /peer name m2 netns weftm-blue-switch /);
});
