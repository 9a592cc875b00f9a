/** Labs that are given up in the middle, and things that only look like a lab's. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { destroyLab } from '#lab/destroy-lab.ts';
import { prepareLab } from '#lab/prepare-lab.ts';
import { mustRun } from '#runtime/command.ts';
import { type TestLab, testLab, WEFT } from './lab-fixture.ts';

const STEPS = ['3 hosts', 'etcd:', '3 agents', '6 Pod pairs'];
const QUIET_CONTROL = { signal: new AbortController().signal, step: () => {}, update: () => {} };

for (const step of STEPS) {
  test(`down removes everything after up was killed in the step "${step}"`, async (context) => {
    const lab = testLab(context);
    assert.equal(await interruptUp(lab, step, 'SIGKILL'), 'SIGKILL');
    lab.remember();
    assert.notDeepEqual(lab.leftovers(), [], 'up was killed before it made anything');
    assert.equal((await lab.weft('down')).code, 0);
    assert.deepEqual(lab.leftovers(), []);
  });

  test(`Ctrl-C in the step "${step}" removes everything and ends with 130`, async (context) => {
    const lab = testLab(context);
    assert.equal(await interruptUp(lab, step, 'SIGINT'), 130);
    assert.deepEqual(lab.leftovers(), []);
  });
}

test('a namespace that is there already is refused and left alone', async (context) => {
  const lab = testLab(context);
  const namespace = `weft-${lab.name}-host2`;
  await mustRun({ argv: ['ip', 'netns', 'add', namespace], why: 'make a namespace' });
  context.after(() => mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove it' }));
  const output = await lab.weft('up');
  assert.equal(output.code, 1);
  assert.match(output.stderr, new RegExp(`there is a namespace ${namespace} that no lab here has made`));
  assert.match((await lab.weft('down')).stdout, /nothing to remove/);
  assert(existsSync(`/run/netns/${namespace}`));
});

test('a namespace that took the name of one of ours is left alone by down', async (context) => {
  const lab = testLab(context);
  await prepareLab({ name: lab.name, hosts: 3 }, QUIET_CONTROL);
  lab.remember();
  const namespace = `weft-${lab.name}-pod3`;
  const exchange = `netns del ${namespace}\nnetns add ${namespace}\n`;
  await mustRun({ argv: ['ip', '-batch', '-'], stdin: exchange, why: 'exchange a namespace' });
  context.after(() => mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove it' }));
  const demolition = await destroyLab(lab.name);
  assert.deepEqual(demolition?.foreign, [namespace]);
  assert.deepEqual(lab.leftovers(), [namespace]);
});

test('down does not pull the ground from under an up that is still at work', async (context) => {
  const lab = testLab(context);
  await prepareLab({ name: lab.name, hosts: 3 }, QUIET_CONTROL);
  const output = await lab.weft('down');
  assert.equal(output.code, 1);
  assert.match(output.stderr, new RegExp(`still coming up.*process ${process.pid}`, 's'));
});

test('a lab that is up is not made a second time', async (context) => {
  const lab = testLab(context);
  await prepareLab({ name: lab.name, hosts: 3 }, QUIET_CONTROL);
  const output = await lab.weft('up');
  assert.equal(output.code, 1);
  assert.match(output.stderr, /lab\.exists/);
  assert.match(output.stderr, /weft lab down/);
});

test('what cannot be had is refused before anything is made', async (context) => {
  const lab = testLab(context);
  const output = await lab.weft('up', '--hosts', '2', '--subnet', '172.30.0.0/27', '--network', 'everywhere');
  assert.equal(output.code, 2);
  for (const problem of [/--hosts 2 is not a number from 3 to 50/, /--network "everywhere" is not an IPv4 network/]) {
    assert.match(output.stderr, problem);
  }
  assert.deepEqual(lab.leftovers(), []);
});

/** Starts `up`, signals it when it begins a step, and gives its exit code or the signal that ended it. */
function interruptUp(lab: TestLab, step: string, signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
  const child = spawn(WEFT, ['lab', 'up', '--name', lab.name], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let signalled = false;
  let notes = '';
  child.stderr.on('data', (chunk: Buffer) => {
    notes += chunk.toString();
    lab.remember();
    // Once: a second Ctrl-C ends it on the spot. Ctrl-C goes to the whole group, as from a terminal; a kill to one.
    if (!notes.includes(step) || signalled || child.pid === undefined) return;
    signalled = true;
    process.kill(signal === 'SIGINT' ? -child.pid : child.pid, signal);
  });
  return new Promise((resolve) => child.on('close', (code, how) => resolve(code ?? how)));
}
