/** Real hosts on this computer, as a person has them: up, entered, rebooted, put back, down without a trace. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { BASES_ROOT } from '#lab/nspawn/base-recipe.ts';
import { type CommandOutput, mustRun, runCommand } from '#runtime/command.ts';
import { WEFT } from '../cluster/lab-fixture.ts';
import { type TestMachines, testMachines } from './machines-fixture.ts';

const PATIENCE_MS = 60_000;

test('three machines come up as hosts of their own, are entered by SSH, and are gone without a trace', async (context) => {
  const machines = testMachines(context);
  const snapshot = await machines.up('3');
  assert.deepEqual(
    snapshot.machines.map(({ name, power, system }) => [name, power, system]),
    ['m1', 'm2', 'm3'].map((name) => [name, 'on', 'running']),
  );
  const ids = await Promise.all(snapshot.machines.map(({ name }) => machines.on(name, 'cat', '/etc/machine-id')));
  assert.deepEqual(
    ids,
    snapshot.machines.map(({ machineId }) => machineId),
  );
  assert.equal(new Set(ids).size, 3);

  await context.test('ssh -F works by name and by address, and their host keys differ', async () => {
    const hosts = snapshot.machines.flatMap(({ name, address }) => [name, address]);
    const names = await Promise.all(hosts.map((host) => ssh(snapshot.sshConfig, host, 'hostname')));
    assert.deepEqual(names, ['m1', 'm1', 'm2', 'm2', 'm3', 'm3']);
    const key = 'cat /etc/ssh/ssh_host_ed25519_key.pub';
    const keys = await Promise.all(snapshot.machines.map(({ name }) => ssh(snapshot.sshConfig, name, key)));
    assert.equal(new Set(keys).size, 3);
  });

  await context.test('they reach each other, and this computer has no route to them', async () => {
    await machines.on('m1', 'ping', '-c1', '-W5', 'm3');
    const route = await runCommand({ argv: ['ip', 'route', 'show', snapshot.subnet], why: 'look for a route' });
    assert.equal(route.stdout, '');
  });

  await context.test('a command has our input, its words as they are, and its exit code', async () => {
    assert.equal(
      await machines.on('m2', 'printf', '%s|', "it's", '$HOME; reboot', '', 'two words'),
      "it's|$HOME; reboot||two words|",
    );
    const output = await machines.weft('exec', 'm2', '--', 'sh', '-c', 'echo told >&2; exit 7');
    assert.deepEqual([output.code, output.stderr], [7, 'told\n']);
  });

  await context.test('a network as a host needs it can be made in them: VXLAN, firewall, sysctl, a unit', async () => {
    await machines.on('m1', 'ip', 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '7', 'dev', 'eth0', 'dstport', '8472');
    await machines.on('m1', 'iptables', '-A', 'FORWARD', '-s', '10.1.0.0/16', '-j', 'ACCEPT');
    await machines.on('m1', 'nft', 'add', 'table', 'inet', 'try');
    await machines.on('m1', 'sysctl', '-w', 'net.ipv4.ip_forward=1');
    await machines.on('m1', 'systemd-run', '--wait', 'true');
  });

  await context.test("but the clock, which is this computer's, cannot be set", async () => {
    const capabilities = BigInt(`0x${await machines.on('m1', 'sed', '-n', 's/^CapBnd:\\s*//p', '/proc/self/status')}`);
    assert.equal((capabilities >> 25n) & 1n, 0n, 'CAP_SYS_TIME');
  });

  assert.equal((await machines.weft('up', '3')).code, 1, 'a second set of that name');
  assert.match(await machines.must('down'), /removed 3 machines, 4 namespaces/);
  assert.deepEqual(machines.leftovers(), []);
  assert.match(await machines.must('down'), /nothing to remove/);
});

test('a reboot keeps the disk and nothing else, whoever asks for it; one that is off is started', async (context) => {
  const machines = testMachines(context);
  await machines.up('1');
  const mark = async (): Promise<void> => {
    await machines.on(
      'm1',
      'sh',
      '-c',
      'echo kept >/root/kept; sync; echo lost >/run/lost; ip link add lost0 type veth peer lost1',
    );
  };
  const assertRebooted = async (): Promise<void> => {
    assert.equal(await machines.on('m1', 'cat', '/root/kept'), 'kept');
    const rest = await machines.weft('exec', 'm1', '--', 'ls', '/run/lost', '/sys/class/net/lost0');
    assert.equal(rest.code, 2, rest.stdout);
  };
  await mark();
  assert.match(await machines.must('reboot', 'm1'), /m1 is up again after .* s; systemd says: running/);
  await assertRebooted();

  await mark();
  await machines.weft('exec', 'm1', '--', 'systemctl', 'reboot');
  await until(async () => (await machines.weft('exec', 'm1', '--', 'test', '!', '-e', '/run/lost')).code === 0);
  await assertRebooted();

  await machines.weft('exec', 'm1', '--', 'poweroff');
  await until(async () => (await machines.weft('status')).stdout.includes('m1 is off'));
  assert.equal((await machines.weft('status')).code, 1);
  await machines.must('reboot', 'm1');
  assert.equal((await machines.weft('status')).code, 0);
});

test('restore puts the disks back as they were at the snapshot, as often as one likes', async (context) => {
  const machines = testMachines(context);
  await machines.up('2');
  await machines.on('m2', 'sh', '-c', 'echo before >/root/file');
  await machines.must('snapshot', 'clean');
  for (const round of [1, 2]) {
    assert.equal(await machines.on('m2', 'cat', '/root/file'), 'before', `round ${round}`);
    await machines.on('m2', 'sh', '-c', 'echo after >/root/file; touch /root/new; rm /etc/issue');
    await machines.must('restore', 'clean');
    assert.equal(
      await machines.on('m2', 'sh', '-c', 'cat /root/file; ls /root /etc/issue'),
      'before\n/etc/issue\n\n/root:\nfile',
    );
  }
  const missing = await machines.weft('restore', 'dirty');
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no snapshot "dirty".*there is clean/s);
});

for (const step of ['switch, disks', 'boot until']) {
  test(`Ctrl-C in the step "${step}" removes everything and ends with 130`, async (context) => {
    const machines = testMachines(context);
    assert.equal(await interruptUp(machines, step, 'SIGINT'), 130);
    assert.deepEqual(machines.leftovers(), []);
  });

  test(`down removes everything after up was killed in the step "${step}", and other machines run on`, async (context) => {
    const others = await besides(context);
    const machines = testMachines(context);
    assert.equal(await interruptUp(machines, step, 'SIGKILL'), 'SIGKILL');
    machines.remember();
    assert.notDeepEqual(machines.leftovers(), [], 'up was killed before it made anything');
    assert.equal((await machines.weft('down')).code, 0);
    assert.deepEqual(machines.leftovers(), []);
    assert.equal(await others.on('m1', 'systemctl', 'is-system-running'), 'running');
  });
}

test('down does not pull the ground from under an up that is still at work', async (context) => {
  const machines = testMachines(context);
  const refused: Promise<CommandOutput>[] = [];
  assert.equal(await watchUp(machines, 'boot until', () => refused.push(machines.weft('down'))), 0);
  const [output] = await Promise.all(refused);
  assert.equal(output?.code, 1);
  assert.match(output.stderr, /are still coming up/);
});

test('Ctrl-C while a machine reboots ends with 130 and says how to start it', async (context) => {
  const machines = testMachines(context);
  await machines.up('1');
  const argv = ['lab', 'machines', 'reboot', '--name', machines.name, 'm1'];
  const child = spawn(WEFT, argv, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  // Early: a machine boots faster than a signal is sure to arrive.
  const notes = await interruptAt(child, 'm1: shut down', 'SIGINT');
  assert.equal(notes.ended, 130);
  assert.match(notes.text, /interrupted: .*weft lab machines reboot/);
  assert.match(await machines.must('reboot', 'm1'), /systemd says: running/);
});

test('a base image that cannot be made is said in the words of mmdebstrap, and leaves nothing', async (context) => {
  const machines = testMachines(context);
  const directory = mkdtempSync(join(tmpdir(), 'weft-mmdebstrap-'));
  context.after(() => rmSync(directory, { recursive: true }));
  // The real one takes most of a minute until it finds out.
  const script = '#!/bin/sh\nmkdir -p "$6/half"\necho "E: Unable to locate package hello" >&2\nexit 25\n';
  writeFileSync(join(directory, 'mmdebstrap'), script, { mode: 0o755 });
  const output = await runCommand({
    argv: [WEFT, 'lab', 'machines', 'up', '1', '--name', machines.name, '--packages', 'hello'],
    environment: { PATH: `${directory}:${process.env['PATH']}` },
    why: 'make machines without an archive',
  });
  assert.equal(output.code, 1);
  assert.match(output.stderr, /the base image could not be made.*exit code 25: E: Unable to locate package hello/s);
  assert.match(output.stderr, /code: +machines\.base/);
  assert.deepEqual(drafts(), []);
  assert.deepEqual(machines.leftovers(), []);
});

test('Ctrl-C while the base image is made removes the half of it and ends with 130', async (context) => {
  const machines = testMachines(context);
  const ended = await interruptUp(machines, 'base image', 'SIGINT', ['--packages', 'hello']);
  assert.equal(ended, 130);
  assert.deepEqual(drafts(), []);
  assert.deepEqual(machines.leftovers(), []);
});

test('a machine that cannot come up says why, and down leaves alone what took the name of the switch', async (context) => {
  const machines = testMachines(context);
  await machines.up('1');
  const namespace = `weftm-${machines.name}-switch`;
  const exchange = `netns del ${namespace}\nnetns add ${namespace}\n`;
  await mustRun({ argv: ['ip', '-batch', '-'], stdin: exchange, why: 'exchange the switch' });
  context.after(() => mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove it' }));
  const output = await machines.weft('reboot', 'm1');
  assert.equal(output.code, 1);
  assert.match(output.stderr, /the machine m1 did not come up/);
  assert.match(output.stderr, /console\.log/);
  assert.match(output.stderr, /argument "br0" is wrong|Device does not exist|Cannot find device "br0"/);
  const demolition = await machines.must('down');
  assert.match(demolition, new RegExp(`left alone.*${namespace}`));
  assert.deepEqual(
    machines.leftovers().filter((thing) => !thing.includes(namespace)),
    [],
  );
  assert(existsSync(`/run/netns/${namespace}`));
});

test('what was not made here is refused and left alone', async (context) => {
  const machines = testMachines(context);
  const namespace = `weftm-${machines.name}-m2`;
  await mustRun({ argv: ['ip', 'netns', 'add', namespace], why: 'make a namespace' });
  context.after(() => mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove it' }));
  const output = await machines.weft('up', '3');
  assert.equal(output.code, 1);
  assert.match(output.stderr, new RegExp(`there is a namespace ${namespace} that no machine here has made`));
  assert.match(await machines.must('down'), /nothing to remove/);
  assert(existsSync(`/run/netns/${namespace}`));
});

test('what cannot be had is refused before anything is made', async (context) => {
  const machines = testMachines(context);
  const output = await machines.weft('up', '99', '--packages', '-o,dbus');
  assert.equal(output.code, 2);
  assert.match(output.stderr, /99 is not a number of machines from 1 to 30; --packages: "-o" is not the name/);
  assert.deepEqual(machines.leftovers(), []);
  assert.match((await machines.weft('status')).stderr, /there are no machines named/);
});

function ssh(config: string, host: string, command: string): Promise<string> {
  const argv = ['ssh', '-F', config, host, command];
  return mustRun({ argv, why: `enter ${host}` }).then(({ stdout }) => stdout.trimEnd());
}

/** Another set, with one machine. */
async function besides(context: TestContext): Promise<TestMachines> {
  const others = testMachines(context);
  await others.up('1');
  return others;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert(performance.now() < deadline, 'it did not come to pass');
    await pause(200);
  }
}

/** Starts `up`, signals it when it begins a step, and gives its exit code or the signal that ended it. */
async function interruptUp(
  machines: TestMachines,
  step: string,
  signal: NodeJS.Signals,
  words: readonly string[] = [],
): Promise<Ended> {
  return watchUp(machines, step, (child) => interrupt(child, signal), words);
}

/** Starts `up`, does something once when it begins a step, and waits for its end. */
async function watchUp(
  machines: TestMachines,
  step: string,
  act: (child: ChildProcess) => void,
  words: readonly string[] = [],
): Promise<Ended> {
  const argv = ['lab', 'machines', 'up', '2', '--name', machines.name, ...words];
  const child = spawn(WEFT, argv, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const { ended } = await watch(
    child,
    step,
    () => act(child),
    () => machines.remember(),
  );
  return ended;
}

/** Base images that are not finished, of processes that have ended. */
function drafts(): readonly string[] {
  const names = readdirSync(BASES_ROOT).filter((name) => name.startsWith('.'));
  return names.filter((name) => !existsSync(`/proc/${name.split('-')[1]}`));
}

async function interruptAt(child: ChildProcess, step: string, signal: NodeJS.Signals): Promise<Watched> {
  return watch(
    child,
    step,
    () => interrupt(child, signal),
    () => {},
  );
}

/** Ctrl-C goes to the whole group, as from a terminal; a kill to one. */
function interrupt({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  assert(pid !== undefined);
  process.kill(signal === 'SIGINT' ? -pid : pid, signal);
}

type Ended = number | NodeJS.Signals | null;

interface Watched {
  readonly ended: Ended;
  /** What it wrote to standard error. */
  readonly text: string;
}

function watch(child: ChildProcess, step: string, act: () => void, onText: () => void): Promise<Watched> {
  let acted = false;
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    onText();
    if (!text.includes(step) || acted) return;
    acted = true;
    act();
  });
  return new Promise((resolve) => child.on('close', (code, how) => resolve({ ended: code ?? how, text })));
}
