import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labEnvironment } from '#lab/lab-environment.ts';
import { type LabPlan, namespacesToMake, type PodKind, planLab } from '#lab/plan.ts';
import type { LabState } from '#lab/state.ts';
import { engineArgv, engineFiles } from './engine-plan.ts';

const OPTIONS = 'DOCKER_NETWORK_OPTIONS=" --bip=172.30.71.1/24 --ip-masq=false --mtu=1450"\n';

function plan(pods: PodKind): LabPlan {
  const network = { address: 0xac1e0000, length: 16 };
  const subnet = { address: 0x0a4d0000, length: 16 };
  const more = { backend: 'vxlan', etcdApi: 'v3', masquerade: true, document: '{}' } as const;
  return planLab({ name: 'blue', hosts: 3, subnet, podNetworks: [network], pods, ...more });
}

function state(pods: PodKind): LabState {
  const maker = { pid: 1, startTime: '1' };
  const rest = { version: 1, id: 'beef', createdAt: '', phase: 'up', namespaces: {}, processes: [] } as const;
  return { ...rest, maker, plan: plan(pods) };
}

test('a daemon has everything of its own, and its network from the lease', () => {
  const lab = plan('docker');
  const [host] = lab.hosts;
  assert(host !== undefined);
  const argv = engineArgv(lab, host, OPTIONS);
  const daemon = argv.slice(argv.indexOf('dockerd'));
  const directory = '/run/weft/lab/blue/host1/docker';
  assert.deepEqual(daemon, [
    'dockerd',
    `--host=unix://${directory}/docker.sock`,
    `--config-file=${directory}/daemon.json`,
    `--data-root=${directory}/data`,
    `--exec-root=${directory}/exec`,
    `--pidfile=${directory}/pid`,
    '--cgroup-parent=/weft-lab-blue/host1',
    '--exec-opt=native.cgroupdriver=cgroupfs',
    '--bip=172.30.71.1/24',
    '--ip-masq=false',
    '--mtu=1450',
  ]);
});

test('the sockets of a daemon fit into the 108 bytes of a socket address, whatever the names', () => {
  const [host] = plan('docker').hosts;
  assert(host !== undefined);
  const longest = { ...host, directory: `/run/weft/lab/${'n'.repeat(32)}/host50` };
  assert(`${engineFiles(longest).directory}/exec/containerd/containerd-debug.sock`.length < 108);
});

test('the namespace of a container is made by docker, that of another Pod by the lab', () => {
  const names = (pods: PodKind) => plan(pods).hosts.flatMap((host) => namespacesToMake(plan(pods), host));
  assert.equal(names('namespace').length, 6);
  assert.deepEqual(names('docker'), ['weft-blue-host1', 'weft-blue-host2', 'weft-blue-host3']);
});

test('docker on a host or in its Pod speaks to the daemon of that host, and of none at the switch', () => {
  const at = (where: string, pods: PodKind = 'docker') => labEnvironment(state(pods), where, {})['DOCKER_HOST'];
  assert.equal(at('host2'), 'unix:///run/weft/lab/blue/host2/docker/docker.sock');
  assert.equal(at('pod2'), at('host2'));
  assert.equal(at('switch'), undefined);
  assert.equal(at('host2', 'namespace'), undefined);
});
