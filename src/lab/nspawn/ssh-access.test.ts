import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knownHost, sshArgv, sshConfig } from './ssh-access.ts';
import { testPlan } from './test-plan.ts';

const plan = testPlan('blue', 2);
const [first] = plan.machines;
if (first === undefined) throw new Error('the plan has machines');

test('the configuration leads from a name to its machine, through the switch and by the key of the set', () => {
  const text = sshConfig(plan);
  assert.match(text, /^Host m1\n {2}HostName 10\.78\.0\.11\nHost m2\n {2}HostName 10\.78\.0\.12\n/m);
  assert.match(text, /^Host m1 m2 10\.78\.0\.11 10\.78\.0\.12$/m);
  assert.match(text, /^ {2}ProxyCommand nsenter --net=\/run\/netns\/weftm-blue-switch -- nc %h %p$/m);
  assert.match(text, /^ {2}IdentityFile \/var\/lib\/weft\/machines\/blue\/ssh\/key$/m);
  assert.match(text, /^ {2}StrictHostKeyChecking yes$/m);
});

test('a machine is known by its name and by its address, without the comment of its key', () => {
  assert.equal(knownHost(first, 'ssh-ed25519 AAAA root@m1\n'), 'm1,10.78.0.11 ssh-ed25519 AAAA\n');
});

test('every word of a command reaches the machine as it is', () => {
  const argv = sshArgv(plan, first, ['echo', "it's", '$HOME; reboot', '']);
  assert.deepEqual(argv.slice(3), ['m1', '--', `'echo' 'it'\\''s' '$HOME; reboot' ''`]);
});

test('no words open a shell', () => {
  assert.deepEqual(sshArgv(plan, first, []), ['ssh', '-F', '/var/lib/weft/machines/blue/ssh/config', 'm1']);
});
