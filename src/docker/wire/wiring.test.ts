import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { applyChanges } from './apply.ts';
import { readDisk } from './read-disk.ts';
import {
  DOCKER_UNIT,
  GUIDE_AGENT_UNIT,
  GUIDE_DOCKER_UNIT,
  type MemoryMachine,
  machine,
  NAMES,
  PLACES,
} from './test-machine.ts';
import { planUnwiring, planWiring, type WireChoices, type WirePlan } from './wiring.ts';

const CHOICES: WireChoices = { form: undefined, bind: 'wants', now: new Date('2026-11-20T18:00:00.123Z') };
const DROP_IN = '/etc/systemd/system/docker.service.d/weft.conf';
const AGENT_DROP_IN = '/etc/systemd/system/weftd.service.d/weft-docker.conf';
const DAEMON_JSON = PLACES.daemonJson;
const BACKUP = `${DAEMON_JSON}.weft-backup-20261120T180000Z`;

async function wire(host: MemoryMachine, choices: Partial<WireChoices> = {}): Promise<WirePlan> {
  const plan = planWiring(await readDisk(host, PLACES, NAMES), PLACES, { ...CHOICES, ...choices });
  await applyChanges(host, plan.changes);
  return plan;
}

async function unwire(host: MemoryMachine): Promise<void> {
  await applyChanges(host, planUnwiring(await readDisk(host, PLACES, NAMES), PLACES));
}

async function refusal(host: MemoryMachine, choices: Partial<WireChoices> = {}): Promise<Fault> {
  const before = new Map(host.files);
  try {
    await wire(host, choices);
  } catch (error) {
    assert(error instanceof Fault);
    assert.deepEqual(host.files, before);
    return error;
  }
  assert.fail('it was not refused');
}

/** Each in which docker and the agent can be found, and what unwire has to give back. */
const MACHINES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "Debian's docker": {},
  'a daemon.json with other things': { [DAEMON_JSON]: '{ "log-driver": "journald" }' },
  'a daemon.json that names the bridge address': { [DAEMON_JSON]: '{\n\t"bip": "10.0.0.1/24",\n\t"x": [1]\n}' },
  'the units of the guides': {
    '/etc/systemd/system/flanneld.service': GUIDE_AGENT_UNIT,
    '/etc/systemd/system/weftd.service': '',
    '/etc/systemd/system/docker.service': GUIDE_DOCKER_UNIT,
  },
  'no lease yet, and drop-ins of the administrator': {
    [PLACES.subnetFile]: '',
    '/etc/systemd/system/docker.service.d/limits.conf': '[Service]\nTasksMax=9000\n',
  },
};

for (const [name, files] of Object.entries(MACHINES)) {
  for (const form of [undefined, 'daemon-json'] as const) {
    if (form === 'daemon-json' && name === 'the units of the guides') continue;
    test(`with ${name}${form === undefined ? '' : `, by ${form}`}, a second wire changes nothing and unwire gives all back`, async () => {
      const host = machine(files);
      const before = new Map(host.files);
      assert.notDeepEqual((await wire(host, { form })).changes, []);
      assert.deepEqual((await wire(host, { form, now: new Date() })).changes, []);
      await unwire(host);
      assert.deepEqual(host.files, before);
      await unwire(host);
      assert.deepEqual(host.files, before);
    });
  }
}

test('the command line of the package is taken over and goes on with the options of the lease', async () => {
  const host = machine();
  assert.equal((await wire(host)).form, 'dropin');
  assert.equal(
    host.files.get(DROP_IN),
    `# Written by "weft docker wire", removed by "weft docker unwire". The unit itself is as it was.
[Unit]
After=weftd.service
Wants=weftd.service

[Service]
EnvironmentFile=-/run/flannel/docker
ExecStart=
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS $DOCKER_NETWORK_OPTIONS
`,
  );
  const post =
    '-/usr/local/bin/weft docker-opts -f /run/flannel/subnet.env -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker';
  assert.match(
    host.files.get(AGENT_DROP_IN) ?? '',
    new RegExp(`Before=docker.service\n\n\\[Service\\]\nExecStartPost=${post}\n$`),
  );
  assert.equal(host.files.get('/lib/systemd/system/docker.service'), DOCKER_UNIT);
});

test('a command line that a drop-in of the administrator has set is the one that is taken over', async () => {
  const own = '/etc/systemd/system/docker.service.d/proxy.conf';
  const host = machine({ [own]: '[Service]\nExecStart=\nExecStart=/opt/dockerd \\\n  # why\n  --debug\n' });
  await wire(host);
  assert.match(host.files.get(DROP_IN) ?? '', /^ExecStart=\/opt\/dockerd {3,}--debug \$DOCKER_NETWORK_OPTIONS$/m);
});

test('with --bind requires docker goes where the agent goes', async () => {
  const host = machine();
  await wire(host);
  assert.equal((await wire(host, { bind: 'requires' })).changes.length, 1);
  assert.match(host.files.get(DROP_IN) ?? '', /^Requires=weftd.service$/m);
});

test('units of the guides that do it themselves get their order and nothing else', async () => {
  const host = machine(MACHINES['the units of the guides']);
  const plan = await wire(host);
  assert.deepEqual(plan.options, { file: '/run/flannel/docker', key: 'DOCKER_NETWORK_OPTIONS' });
  assert.deepEqual(
    plan.changes.map(({ path }) => path),
    [DROP_IN],
  );
  assert.doesNotMatch(host.files.get(DROP_IN) ?? '', /\[Service\]/);
});

test("the variable and the file of the agent's unit are those that docker takes", async () => {
  const post = 'ExecStartPost=/usr/local/bin/weft docker-opts --docker-file=/run/x.env\n';
  const host = machine({ '/etc/systemd/system/weftd.service': `[Service]\nExecStart=/x\n${post}` });
  await wire(host);
  // Debian's command line has that variable already.
  assert.match(host.files.get(DROP_IN) ?? '', /\[Service\]\nEnvironmentFile=-\/run\/x.env\n$/);
  assert.equal(host.files.has(AGENT_DROP_IN), false);
});

test('daemon.json that names the bridge is changed in its place, after a copy of it', async () => {
  const text = '{\n  "bip": "10.0.0.1/24",\n  "log-driver": "journald"\n}\n';
  const host = machine({ [DAEMON_JSON]: text });
  const plan = await wire(host);
  assert.equal(plan.form, 'daemon-json');
  assert.equal(
    host.files.get(DAEMON_JSON),
    '{\n  "bip": "172.30.71.1/24",\n  "log-driver": "journald",\n  "mtu": 1450,\n  "ip-masq": false\n}\n',
  );
  assert.equal(host.files.get(BACKUP), text);
  assert.match(
    host.files.get(AGENT_DROP_IN) ?? '',
    /^ExecStartPost=.* docker-opts .*--daemon-json \/etc\/docker\/daemon.json$/m,
  );
  assert.doesNotMatch(host.files.get(DROP_IN) ?? '', /\[Service\]/);
});

test('unwire keeps what somebody else has changed in daemon.json meanwhile', async () => {
  const host = machine({ [DAEMON_JSON]: '{\n  "mtu": 1500\n}\n' });
  await wire(host);
  const wired = host.files.get(DAEMON_JSON) ?? '';
  host.files.set(DAEMON_JSON, wired.replace('{\n', '{\n  "debug": true,\n'));
  await unwire(host);
  assert.equal(host.files.get(DAEMON_JSON), '{\n  "debug": true,\n  "mtu": 1500\n}\n');
  assert.equal(host.files.has(BACKUP), false);
});

test('without a lease daemon.json is left to the unit of the agent, but copied', async () => {
  const host = machine({ [DAEMON_JSON]: '{"bip": "10.0.0.1/24"}', [PLACES.subnetFile]: '' });
  await wire(host);
  assert.equal(host.files.get(DAEMON_JSON), host.files.get(BACKUP));
});

test('both forms at once are refused, with the place of the other one', async () => {
  const keys = await refusal(machine({ [DAEMON_JSON]: '{"mtu": 1400, "bip": "10.0.0.1/24"}' }), { form: 'dropin' });
  assert.equal(keys.code, 'docker.two-forms');
  assert.match(keys.message, /daemon.json has mtu, bip, so/);
  const flags = await refusal(machine({ '/etc/default/docker': 'DOCKER_OPTS="--bip=10.0.0.1/24 --mtu 1400"\n' }));
  assert.match(flags.message, /command line has --bip=10.0.0.1\/24 --mtu already/);
  const taken = await refusal(machine(MACHINES['the units of the guides']), { form: 'daemon-json' });
  assert.match(taken.message, /command line has \$DOCKER_NETWORK_OPTIONS/);
  assert.match(taken.remedy, /--form dropin/);
});

test('a docker that has another bridge, none, or no right to make one is refused', async () => {
  const unit = (lines: string) => ({ '/etc/systemd/system/docker.service.d/own.conf': `[Service]\n${lines}\n` });
  for (const [files, what] of [
    [{ [DAEMON_JSON]: '{"bridge": "none"}' }, /the bridge "none"/],
    [unit('ExecStart=\nExecStart=/usr/sbin/dockerd --bridge br7'), /started with --bridge br7/],
    [unit('ExecStart=\nExecStart=/usr/sbin/dockerd -b=br7'), /started with -b=br7/],
    [unit('CapabilityBoundingSet=CAP_SYS_ADMIN CAP_CHOWN'), /no CAP_NET_ADMIN/],
    [unit('CapabilityBoundingSet=~CAP_NET_ADMIN'), /no CAP_NET_ADMIN/],
  ] as const) {
    const fault = await refusal(machine(files));
    assert.equal(fault.code, 'docker.bridge');
    assert.match(fault.message, what);
  }
  await wire(machine(unit('CapabilityBoundingSet=~CAP_SYS_BOOT')));
  await wire(machine(unit('CapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_ADMIN')));
});

test('a unit that is missing, masked, or not started by one command is named', async () => {
  for (const [files, what] of [
    [{ '/lib/systemd/system/docker.service': '' }, /no unit docker.service/],
    [{ '/etc/systemd/system/docker.service': '\n' }, /no unit docker.service, or it is masked/],
    [{ '/etc/systemd/system/weftd.service': '' }, /no unit weftd.service or flanneld.service or flannel.service/],
    [{ '/etc/systemd/system/docker.service': '[Service]\nExecStart=/a\nExecStart=/b\n' }, /has 2 ExecStart=/],
    [{ '/etc/systemd/system/docker.service': '[Service]\nType=notify\n' }, /has no ExecStart=/],
  ] as const) {
    const fault = await refusal(machine(files));
    assert.equal(fault.code, 'docker.unit');
    assert.match(fault.message, what);
  }
});

test('a daemon.json that is no JSON is refused with line and column', async () => {
  const fault = await refusal(machine({ [DAEMON_JSON]: '{\n  "mtu": 1450,\n}\n' }));
  assert.equal(fault.code, 'docker.daemon-json');
  assert.equal(fault.where, `${DAEMON_JSON}, line 3, column 1`);
});

test('daemon.json keeps its mode, and its copy is for root alone', async () => {
  const host = machine({ [DAEMON_JSON]: '{"bip": "10.0.0.1/24"}' });
  host.modes.set(DAEMON_JSON, 0o640);
  await wire(host);
  assert.deepEqual([host.modes.get(DAEMON_JSON), host.modes.get(BACKUP)], [0o640, 0o600]);
  await unwire(host);
  assert.equal(host.modes.get(DAEMON_JSON), 0o640);
});
