/** Real containers on the fabric: a docker daemon per host, its bridge from the lease, as the guides wire it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { destroyLab } from '#lab/destroy-lab.ts';
import { runningEngine, startEngine, stopEngine } from '#lab/docker/engine.ts';
import { findHost } from '#lab/find-host.ts';
import { signalProcesses, waitUntilGone } from '#lab/process-identity.ts';
import type { LabSnapshot } from '#lab/snapshot.ts';
import { requireState } from '#lab/state.ts';
import { lostCells, type TestLab, testLab, WEFT } from './lab-fixture.ts';

const PORT = '7000';
/** A server whose answer is its own list of connections: so the sender reads which address the receiver saw. */
const TELL_PEER = ['nc', '-ll', '-p', PORT, '-e', 'busybox', 'netstat', '-tn'];
const PATIENCE_MS = 30_000;

test('containers of docker talk across hosts, under their own addresses, whatever restarts', async (context) => {
  const lab = testLab(context);
  const snapshot = await lab.up('--pods', 'docker');
  const [host1, host2] = snapshot.hosts;
  const addressOf = (name: string): string => snapshot.hosts.find(({ pod }) => pod.name === name)?.pod.address ?? '';
  const docker = async (host: string, ...words: readonly string[]): Promise<string> => {
    const output = await lab.weft('exec', host, '--', 'docker', ...words);
    assert.equal(output.code, 0, `docker ${words.join(' ')} on ${host}: ${output.stderr}`);
    return output.stdout;
  };

  await context.test(
    'every container reaches every other one; its address and MTU are those of the lease',
    async () => {
      assert.equal(lostCells(snapshot), 0);
      assert.match(await docker('host1', 'ps', '--format', '{{.Names}} {{.Image}}'), /^pod1 weft-pod\n$/);
      for (const host of snapshot.hosts) {
        assert.equal(host.pod.address?.replace(/\.\d+$/, ''), host.lease?.replace(/\.\d+\/24$/, ''));
      }
      assert.match(await docker('host1', 'exec', 'pod1', 'cat', '/sys/class/net/eth0/mtu'), /^1450\n$/);
    },
  );

  await context.test('the receiver of a TCP connection sees the address of the sending container', async () => {
    await docker('host2', 'exec', '--detach', 'pod2', ...TELL_PEER);
    assert.equal(await seenBy(lab, addressOf('pod2')), addressOf('pod1'));
  });

  await context.test('towards the outside a container is masqueraded as its host', async () => {
    const { switchAddress } = requireState(lab.name).plan;
    // It ends with the lab.
    const server = lab.weft('exec', 'switch', '--', 'busybox', ...TELL_PEER);
    server.catch(() => {});
    assert.equal(await seenBy(lab, switchAddress), host1?.address);
  });

  await context.test(
    'a container that docker restarts is found again, and one of the user is on the fabric',
    async () => {
      await docker('host2', 'restart', 'pod2');
      await allAnswer(lab);
      await docker('host2', 'run', '--detach', '--name', 'guest', '--stop-signal', 'KILL', 'weft-pod', 'sleep', '1000');
      const guest = (await docker('host2', 'inspect', '--format', '{{.NetworkSettings.IPAddress}}', 'guest')).trim();
      assert.equal((await lab.weft('exec', 'pod1', '--', 'fping', '-q', '-r', '5', guest)).code, 0);
    },
  );

  await context.test('a daemon that sets the policy of FORWARD to DROP cuts nobody off', async () => {
    // An agent that runs turns forwarding on again before docker sees that it is off.
    await lab.weft('kill-agent', 'host2');
    await lab.weft('exec', 'host2', '--', 'sysctl', '-qw', 'net.ipv4.ip_forward=0');
    await restartDaemon(lab, 'host2');
    assert.match((await lab.weft('exec', 'host2', '--', 'iptables', '-S', 'FORWARD')).stdout, /^-P FORWARD DROP$/m);
    const ping = ['fping', '-q', '-r', '20', addressOf('pod2')];
    assert.equal((await lab.weft('exec', 'pod1', '--', ...ping)).code, 0);
    assert.equal((await lab.weft('start-agent', 'host2')).code, 0);
    await allAnswer(lab);
  });

  await context.test('weft docker wires a host and sees what docker really has', async () => {
    const files = wiringFiles(lab.name);
    const weft = (verb: string, ...words: readonly string[]) =>
      lab.weft('exec', 'host3', '--', 'weft', 'docker', verb, ...files.flags, ...words);
    assert.match((await weft('status')).stdout, /docker is not told about the lease/);
    assert.equal((await weft('wire', '--weft', WEFT)).code, 0);
    // What ExecStartPost= of the agent's unit does.
    const opts = ['-f', files.subnetFile, '-k', 'DOCKER_NETWORK_OPTIONS', '-d', files.options];
    assert.equal((await lab.weft('exec', 'host3', '--', 'weft', 'docker-opts', ...opts)).code, 0);
    const good = await weft('status', '-o', 'json');
    assert.equal(good.code, 0, good.stdout);
    const { docker, lease, docker0 } = JSON.parse(good.stdout);
    assert.deepEqual(
      [docker.bip, docker.mtu, docker.masquerade, docker.containers],
      [lease.bip, 1450, false, ['pod3']],
    );
    assert.deepEqual([docker0.addresses, docker0.mtu, docker0.ports.length], [[lease.bip], 1450, 1]);
    const attached = await weft('wire', '--weft', WEFT, '--restart');
    assert.match(attached.stderr, /1 containers are on its bridge: pod3/);
  });

  await context.test(
    'a docker0 of another lease is removed while docker is down, and docker makes it anew',
    async () => {
      const files = wiringFiles(lab.name);
      await stopDaemon(lab, 'host3');
      const exchange = 'ip address flush dev docker0 && ip address add 172.17.0.1/16 dev docker0';
      assert.equal((await lab.weft('exec', 'host3', '--', 'sh', '-c', exchange)).code, 0);
      const wired = await lab.weft('exec', 'host3', '--', 'weft', 'docker', 'wire', ...files.flags, '--weft', WEFT);
      assert.match(wired.stderr, /docker0 has 172.17.0.1\/16 .*: removed, since nothing is attached/);
      assert.notEqual((await lab.weft('exec', 'host3', '--', 'ip', 'link', 'show', 'docker0')).code, 0);
      await restartDaemon(lab, 'host3');
      await allAnswer(lab);
    },
  );

  await context.test('agent and daemon restart in any order', async () => {
    await lab.weft('kill-agent', 'host1');
    await restartDaemon(lab, 'host1');
    assert.equal((await lab.weft('start-agent', 'host1')).code, 0);
    await allAnswer(lab);
    await stopDaemon(lab, 'host2');
    await lab.weft('kill-agent', 'host2');
    assert.equal((await lab.weft('start-agent', 'host2')).code, 0);
    await restartDaemon(lab, 'host2');
    const after = await allAnswer(lab);
    assert.deepEqual(
      after.hosts.map((host) => host.lease),
      snapshot.hosts.map((host) => host.lease),
    );
    assert.equal(host2?.lease, after.hosts[1]?.lease);
  });

  await context.test('a daemon that was killed starts again over what it left behind', async () => {
    const state = requireState(lab.name);
    const engine = runningEngine(state, findHost(state.plan, 'host3')) ?? assert.fail('no daemon runs on host3');
    signalProcesses([engine], 'SIGKILL');
    assert.deepEqual(await waitUntilGone([engine], PATIENCE_MS), []);
    await restartDaemon(lab, 'host3');
    await allAnswer(lab);
  });

  await context.test('down leaves no container, no mount and no cgroup', async () => {
    lab.remember();
    assert.equal((await lab.weft('down')).code, 0);
    assert.deepEqual(lab.leftovers(), []);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`/lab/${lab.name}/`));
  });
});

test('a lab that is killed while its containers start is removed beside one that goes on', async (context) => {
  const [blue, red] = [testLab(context), testLab(context)];
  const [snapshot] = await Promise.all([blue.up('--pods', 'docker'), killWhileContainersStart(red)]);
  assert.notDeepEqual(red.leftovers(), [], 'up was killed before it made anything');
  await destroyLab(red.name);
  assert.deepEqual(red.leftovers(), []);
  assert.equal(lostCells(snapshot), 0);
  await allAnswer(blue);
});

interface WiringFiles {
  readonly flags: readonly string[];
  readonly subnetFile: string;
  readonly options: string;
}

/** Units of host3, in the lab's directory in place of /etc. */
function wiringFiles(lab: string): WiringFiles {
  const { plan } = requireState(lab);
  const { directory, subnetFile } = findHost(plan, 'host3');
  const units = `${directory}/units`;
  mkdirSync(units, { recursive: true });
  writeFileSync(`${units}/docker.service`, '[Service]\nExecStart=/usr/sbin/dockerd -H fd://\n');
  writeFileSync(`${units}/weftd.service`, '[Service]\nExecStart=/usr/local/bin/weftd\n');
  const options = `${units}/options`;
  const places = ['--unit-directories', units, '--daemon-json', `${units}/daemon.json`, '--options-file', options];
  return { flags: [...places, '--subnet-file', subnetFile], subnetFile, options };
}

/** Connects from pod1 and gives the address that the other side says it saw. */
async function seenBy(lab: TestLab, address: string): Promise<string | undefined> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await pause(200)) {
    const argv = ['docker', 'exec', 'pod1', 'sh', '-c', `nc -w 5 ${address} ${PORT} </dev/null`];
    const { stdout } = await lab.weft('exec', 'host1', '--', ...argv);
    const peer = new RegExp(`\\S*${address}:${PORT} +(?:::ffff:)?([\\d.]+):`).exec(stdout)?.[1];
    if (peer !== undefined || performance.now() > deadline) return peer;
  }
}

async function stopDaemon(lab: TestLab, hostName: string): Promise<void> {
  const state = requireState(lab.name);
  await stopEngine(state, findHost(state.plan, hostName));
}

async function restartDaemon(lab: TestLab, hostName: string): Promise<void> {
  await stopDaemon(lab, hostName);
  const state = requireState(lab.name);
  await startEngine(state, findHost(state.plan, hostName), new AbortController().signal);
}

/** The lab as it is once all Pods answer each other; containers take a moment to come back. */
async function allAnswer(lab: TestLab): Promise<LabSnapshot> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await pause(200)) {
    const output = await lab.weft('status', '--ping', '-o', 'json');
    if (output.code === 0) return JSON.parse(output.stdout);
    if (performance.now() > deadline) assert.fail(`not all Pods answer: ${output.stdout}${output.stderr}`);
  }
}

function killWhileContainersStart(lab: TestLab): Promise<void> {
  const words = ['lab', 'up', '--name', lab.name, '--pods', 'docker'];
  const child = spawn(WEFT, words, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  child.stderr.on('data', (chunk: Buffer) => {
    lab.remember();
    // A moment later daemons run and are not all ready.
    if (chunk.toString().includes('docker daemons')) setTimeout(() => child.kill('SIGKILL'), 300);
  });
  return new Promise((resolve) => child.on('close', () => resolve()));
}
