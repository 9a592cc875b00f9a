import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { applyChanges, removeStaleBridge, restartDocker } from './apply.ts';
import { leaseFacts } from './lease-facts.ts';
import { readDisk } from './read-disk.ts';
import { readStatus } from './read-status.ts';
import {
  GUIDE_AGENT_UNIT,
  GUIDE_DOCKER_UNIT,
  type MemoryMachine,
  machine,
  NAMES,
  PLACES,
  SUBNET_FILE,
} from './test-machine.ts';
import type { WireStatus } from './wire-status.ts';
import { planWiring } from './wiring.ts';

const LEASE = leaseFacts(SUBNET_FILE) ?? assert.fail('no lease');
const OPTIONS = 'DOCKER_NETWORK_OPTIONS=" --bip=172.30.71.1/24 --ip-masq=false --mtu=1450"\n';
const BRIDGE = { addresses: ['172.30.71.1/24'], mtu: 1450, ports: ['veth1'] };
const RESTART = { docker: 'docker.service', lease: LEASE, optionsCommand: ['weft', 'docker-opts'] };

/** A host on which all is well; `files` are laid over it before it is wired. */
async function wired(files: Readonly<Record<string, string>> = {}): Promise<MemoryMachine> {
  const host = machine({ [PLACES.optionsFile]: OPTIONS, ...files });
  const disk = await readDisk(host, PLACES, NAMES);
  const plan = planWiring(disk, PLACES, { form: undefined, bind: 'wants', now: new Date() });
  await applyChanges(host, plan.changes);
  host.engine = { bip: '172.30.71.1/24', mtu: 1450, masquerade: false, containers: ['web'] };
  host.docker0 = structuredClone(BRIDGE);
  host.active = { 'weftd.service': 5_000_000, 'docker.service': 7_000_000 };
  return host;
}

const status = (host: MemoryMachine): Promise<WireStatus> => readStatus(host, PLACES, NAMES, false);

async function onlyFinding(host: MemoryMachine): Promise<WireStatus['findings'][number]> {
  const { findings } = await status(host);
  assert.equal(findings.length, 1, JSON.stringify(findings));
  return findings[0] ?? assert.fail('no finding');
}

test('a host on which all is well has no finding, in every form', async () => {
  const forms: readonly (readonly [WireStatus['wired'], Readonly<Record<string, string>>])[] = [
    ['dropin', {}],
    ['daemon-json', { [PLACES.daemonJson]: '{"bip": "10.0.0.1/24"}' }],
  ];
  for (const [form, files] of forms) {
    const found = await status(await wired(files));
    assert.deepEqual(found.findings, []);
    assert.equal(found.wired, form);
    assert.deepEqual(found.order, { afterAgent: true, bind: 'wants' });
    assert.deepEqual(found.lease, LEASE);
    assert.deepEqual(found.docker0, { name: 'docker0', ...BRIDGE });
  }
});

test('units of the guides count as wired by hand, with their RequiredBy= and Before=', async () => {
  const host = machine({
    '/etc/systemd/system/flanneld.service': GUIDE_AGENT_UNIT,
    '/etc/systemd/system/weftd.service': '',
    '/etc/systemd/system/docker.service': GUIDE_DOCKER_UNIT,
    [PLACES.optionsFile]: OPTIONS,
  });
  host.engine = { bip: '172.30.71.1/24', mtu: 1450, masquerade: false, containers: [] };
  host.systemd = false;
  const found = await status(host);
  assert.deepEqual([found.wired, found.order, found.findings], ['by-hand', { afterAgent: true, bind: 'requires' }, []]);
});

test('a docker that is not wired is told so, and that its order is left to chance', async () => {
  const host = machine();
  // A docker without options chooses an address, and tells the bridge alone.
  host.active = { 'weftd.service': 5, 'docker.service': 7 };
  host.engine = { bip: undefined, mtu: undefined, masquerade: true, containers: [] };
  host.docker0 = { addresses: ['172.17.0.1/16'], mtu: 1500, ports: [] };
  const found = await status(host);
  assert.equal(found.wired, 'no');
  assert.deepEqual(
    found.findings.map(({ what }) => what),
    [
      'docker is not told about the lease',
      'docker.service may start before weftd.service, without a lease',
      'docker has 172.17.0.1/16 and the lease is 172.30.71.1/24',
      'docker gives containers an MTU of 1500, and the lease has 1450',
      'docker and the agent both masquerade',
    ],
  );
});

test('a docker that started too early has another bridge, and the finding says by how much', async () => {
  const host = await wired();
  host.active = { 'weftd.service': 9_500_000, 'docker.service': 7_000_000 };
  Object.assign(host.engine ?? {}, { bip: '172.17.0.1/16' });
  const { what, why, remedy } = await onlyFinding(host);
  assert.equal(what, 'docker has 172.17.0.1/16 and the lease is 172.30.71.1/24');
  assert.equal(why, 'docker started 3 s before weftd.service was ready');
  assert.equal(remedy, 'systemctl restart docker.service');
});

const TROUBLES: readonly (readonly [string, (host: MemoryMachine) => void, RegExp, RegExp])[] = [
  [
    'docker that does not run',
    (host) => {
      host.engine = undefined;
    },
    /docker does not answer/,
    /docker failed/,
  ],
  [
    'nobody who masquerades',
    (host) => {
      host.files.set(PLACES.subnetFile, SUBNET_FILE.replace('true', 'false'));
      host.files.set(PLACES.optionsFile, OPTIONS.replace('false', 'true'));
    },
    /neither docker nor the agent masquerades/,
    /do not reach what is outside/,
  ],
  [
    'options of an older lease',
    (host) => {
      host.files.set(PLACES.optionsFile, OPTIONS.replace('71', '9'));
    },
    /docker's options are not of this lease: --bip=172.30.9.1/,
    /ExecStartPost= of weftd.service did not write/,
  ],
  [
    'options that are not there',
    (host) => {
      host.files.delete(PLACES.optionsFile);
    },
    /docker's options are not written/,
    /ExecStartPost=/,
  ],
  [
    'no lease',
    (host) => {
      host.files.delete(PLACES.subnetFile);
    },
    /there is no lease in \/run\/flannel\/subnet.env/,
    /has not been ready/,
  ],
  [
    'an agent that does not run',
    (host) => {
      host.active = { 'docker.service': 7 };
    },
    /weftd.service does not run/,
    /nobody renews it/,
  ],
  [
    'a bridge that somebody changed',
    (host) => {
      host.docker0 = { ...BRIDGE, addresses: ['10.1.1.1/24'] };
    },
    /docker0 has 10.1.1.1\/24 and the lease/,
    /attached: veth1/,
  ],
  [
    'a container of an older lease',
    (host) => {
      host.docker0 = { ...BRIDGE, mtu: 1400 };
    },
    /docker0 has an MTU of 1400/,
    /older than the lease/,
  ],
  [
    'a policy that drops',
    (host) => {
      host.forward = ['-P FORWARD DROP', '-A FORWARD -j DOCKER-USER'];
    },
    /the policy of FORWARD is DROP/,
    /not in iptables/,
  ],
];

for (const [name, spoil, what, why] of TROUBLES) {
  test(`${name}: one finding, with its cause`, async () => {
    const host = await wired();
    spoil(host);
    const finding = await onlyFinding(host);
    assert.match(finding.what, what);
    assert.match(finding.why, why);
    assert.notEqual(finding.remedy, '');
  });
}

test("docker's policy of dropping is no finding while the agent's rules accept the network", async () => {
  const host = await wired();
  host.forward = ['-P FORWARD DROP', '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD'];
  assert.deepEqual((await status(host)).findings, []);
});

test('daemon.json of another lease is a finding that names the members', async () => {
  const host = await wired({ [PLACES.daemonJson]: '{"bip": "10.0.0.1/24"}' });
  host.files.set(PLACES.daemonJson, '{"bip": "172.30.9.1/24", "mtu": 1450}');
  const { what } = await onlyFinding(host);
  assert.equal(
    what,
    'daemon.json is not of this lease: bip 172.30.9.1/24 in place of 172.30.71.1/24, ip-masq unset in place of false',
  );
});

test('docker0 of another address is removed when nothing is attached and docker does not run', async () => {
  const host = await wired();
  host.engine = undefined;
  host.docker0 = { addresses: ['172.17.0.1/16'], mtu: 1500, ports: [] };
  assert.match((await removeStaleBridge(host, LEASE, 'docker.service')) ?? '', /has 172.17.0.1\/16 .*: removed/);
  assert.equal(host.docker0, undefined);
  assert.equal(await removeStaleBridge(host, LEASE, 'docker.service'), undefined);
});

test('docker0 with something attached is left alone, and what is attached is named', async () => {
  const host = await wired();
  host.docker0 = { addresses: ['172.17.0.1/16'], mtu: 1500, ports: ['veth1', 'veth2'] };
  assert.match(
    (await removeStaleBridge(host, LEASE, 'docker.service')) ?? '',
    /left alone, since these are attached: web$/,
  );
  host.engine = undefined;
  assert.match(
    (await removeStaleBridge(host, LEASE, 'docker.service')) ?? '',
    /left alone, since these are attached: veth1, veth2$/,
  );
  host.engine = { bip: '172.17.0.1/16', mtu: 1500, masquerade: true, containers: [] };
  host.docker0 = { addresses: [], mtu: 1500, ports: [] };
  assert.match(
    (await removeStaleBridge(host, LEASE, 'docker.service')) ?? '',
    /has no address .*docker changes it when it is restarted/,
  );
  assert.notEqual(host.docker0, undefined);
});

test('a restart writes the options, stops docker, removes the old bridge and starts docker', async () => {
  const host = await wired();
  host.docker0 = { addresses: ['172.17.0.1/16'], mtu: 1500, ports: [] };
  host.engine = { bip: '172.17.0.1/16', mtu: 1500, masquerade: true, containers: [] };
  await restartDocker(host, RESTART);
  assert.deepEqual(host.done, [
    'weft docker-opts',
    'systemctl stop docker.service',
    'ip link delete dev docker0 type bridge',
    'systemctl start docker.service',
  ]);
});

test('a restart that would end containers is refused before anything is done', async () => {
  const host = await wired();
  const attached = (error: unknown) =>
    error instanceof Fault && error.code === 'docker.attached' && /1 containers .*: (web|veth1)$/.test(error.message);
  await assert.rejects(restartDocker(host, RESTART), attached);
  host.engine = undefined;
  await assert.rejects(restartDocker(host, RESTART), attached);
  assert.deepEqual(host.done, []);
});

test('a docker that is stopped is not asked, since its socket would start it', async () => {
  const host = await wired();
  host.active = { 'weftd.service': 5 };
  const { what, why } = await onlyFinding(host);
  assert.deepEqual([what, why], ['docker does not answer', 'docker.service is not active']);
  // In a lab no unit is behind it.
  const asked = await readStatus(host, PLACES, NAMES, true);
  assert.deepEqual([asked.findings, asked.docker?.bip], [[], '172.30.71.1/24']);
});
