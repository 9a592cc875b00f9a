/**
 * A host that boots: docker must not start before the agent has its lease, or its bridge has an address that nobody routes to.
 * On a real systemd host with Debian's docker, wired by `weft docker wire` as an operator does it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { mustRun } from '#runtime/command.ts';
import { type TestMachines, testMachines } from './machines-fixture.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGES = 'docker.io,busybox-static,etcd-server,etcd-client';
const NETWORK = JSON.stringify({ Network: '172.30.0.0/16', Backend: { Type: 'vxlan' } });
/** The agent takes its time, so that docker would be first if it did not wait. */
const SLOW_SECONDS = 3;
const PATIENCE_MS = 90_000;

test('after a reboot the agent is ready before docker starts, and docker0 has the address of the lease', async (context) => {
  const machines = testMachines(context);
  const { machines: hosts, sshConfig } = await machines.up('2', '--packages', PACKAGES);
  const etcd = `http://${hosts[1]?.address}:2379`;
  await startEtcd(machines, etcd);
  await installAgent(machines, sshConfig, etcd);
  await machines.must('reboot', 'm1');
  assert.match(await machines.on('m1', 'cat', '/run/flannel/subnet.env'), /^FLANNEL_SUBNET=/m);
  assert.equal(await bridgeAddress(machines), '172.17.0.1/16', 'docker on its own does not know of the lease');

  await machines.on('m1', 'weft', 'docker', 'wire', '--restart');
  const lease = await leaseOf(machines);
  assert.equal(await bridgeAddress(machines), lease);

  for (const how of ['button', 'inside', 'button']) {
    if (how === 'inside') await rebootFromInside(machines);
    else await machines.must('reboot', 'm1');
    const ready = await moment(machines, 'weftd', 'ActiveEnterTimestampMonotonic');
    const docker = await moment(machines, 'docker', 'ExecMainStartTimestampMonotonic');
    assert(docker >= ready, `docker started ${(ready - docker) / 1000} ms before the agent was ready`);
    assert.equal(await leaseOf(machines), lease, 'the lease is the one of before');
    assert.equal(await bridgeAddress(machines), lease);
    await machines.on('m1', 'weft', 'docker', 'status');
  }

  const image = 'mkdir -p /tmp/i/bin && cp /bin/busybox /tmp/i/bin/ && tar -C /tmp/i -c . | docker import - bb';
  await machines.on('m1', 'sh', '-c', image);
  const shown = await machines.on(
    'm1',
    'docker',
    'run',
    '--rm',
    'bb',
    '/bin/busybox',
    'ip',
    '-4',
    'address',
    'show',
    'eth0',
  );
  const prefix = lease.slice(0, lease.lastIndexOf('.') + 1);
  assert(shown.includes(`inet ${prefix}`), shown);
});

/** On m2, which is not rebooted. */
async function startEtcd(machines: TestMachines, url: string): Promise<void> {
  await machines.on('m1', 'systemctl', 'disable', '--now', 'etcd');
  const settings = `ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379\nETCD_ADVERTISE_CLIENT_URLS=${url}\n`;
  await machines.on('m2', 'sh', '-c', `printf '${settings.replaceAll('\n', '\\n')}' >/etc/default/etcd`);
  await machines.on('m2', 'systemctl', 'restart', 'etcd');
  await machines.on('m2', 'env', 'ETCDCTL_API=3', 'etcdctl', 'put', '/kubernetes/network/config', NETWORK);
}

/** The program of this checkout with its Node, and a unit for it, on m1. */
async function installAgent(machines: TestMachines, sshConfig: string, etcd: string): Promise<void> {
  const send =
    'tar --dereference -C "$1" -c bin/weft dist node_modules/node/bin/node | ssh -F "$2" m1 "mkdir -p /opt/weft && tar -x -C /opt/weft"';
  await mustRun({ argv: ['sh', '-c', send, 'sh', ROOT, sshConfig], why: 'put weft on m1', timeoutMs: 120_000 });
  await machines.on('m1', 'ln', '-s', '/opt/weft/bin/weft', '/usr/local/bin/weft');
  const unit = [
    '[Service]',
    'Type=notify',
    `ExecStartPre=/bin/sleep ${SLOW_SECONDS}`,
    `ExecStart=/opt/weft/bin/weft agent --etcd-endpoints=${etcd} --etcd-prefix=/kubernetes/network --iface=eth0`,
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  await machines.on('m1', 'sh', '-c', `printf '%s\\n' "$@" >/etc/systemd/system/weftd.service`, 'sh', ...unit);
  await machines.on('m1', 'systemctl', 'enable', '--now', 'weftd');
}

/** As an operator does it who is on the host; waits until everything is started again. */
async function rebootFromInside(machines: TestMachines): Promise<void> {
  await machines.on('m1', 'touch', '/run/before');
  await machines.weft('exec', 'm1', '--', 'systemctl', 'reboot');
  const isBack = 'test ! -e /run/before && systemctl is-system-running --wait';
  const deadline = performance.now() + PATIENCE_MS;
  while ((await machines.weft('exec', 'm1', '--', 'sh', '-c', isBack)).code !== 0) {
    assert(performance.now() < deadline, 'm1 is not back');
    await pause(200);
  }
}

/** Microseconds after this computer's boot. */
async function moment(machines: TestMachines, unit: string, property: string): Promise<number> {
  const value = Number(await machines.on('m1', 'systemctl', 'show', '--value', '-p', property, unit));
  assert(value > 0, `${unit} has no ${property}`);
  return value;
}

/** Of docker0, with its prefix length. */
async function bridgeAddress(machines: TestMachines): Promise<string> {
  const text = await machines.on('m1', 'ip', '-json', '-4', 'address', 'show', 'docker0');
  const [bridge]: readonly { readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[] }[] =
    JSON.parse(text);
  const [address] = bridge?.addr_info ?? [];
  return `${address?.local}/${address?.prefixlen}`;
}

/** The first address of the subnet, as the subnet file has it. */
async function leaseOf(machines: TestMachines): Promise<string> {
  return machines.on('m1', 'sed', '-n', 's/^FLANNEL_SUBNET=//p', '/run/flannel/subnet.env');
}
