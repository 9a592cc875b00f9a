/** The switch of a set: a namespace with a bridge, and behind it, when that is wanted, the internet. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { namespaceHost, namespacePath } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { MachinePlan } from './machine-set.ts';

/** The device behind which slirp4netns is. */
const UPLINK = 'tap0';
const UPLINK_TIMEOUT_MS = 10_000;

/** Makes it; returns the inode of its namespace, which tells it from another of that name. */
export async function makeSwitch(plan: MachinePlan): Promise<string> {
  const { switchNamespace, switchAddress, subnet } = plan;
  await mustRun({ argv: ['ip', 'netns', 'add', switchNamespace], why: 'make the namespace of the switch' });
  const lines = [
    'link set lo up',
    'link add br0 type bridge',
    `address add ${switchAddress}/${subnet.split('/')[1]} dev br0`,
    'link set br0 up',
  ];
  await inSwitch(plan, ['ip', '-batch', '-'], 'set up the switch', `${lines.join('\n')}\n`);
  return String(statSync(namespacePath(switchNamespace)).ino);
}

/**
 * A way out for the machines: slirp4netns is a network stack in a process of this computer, which opens ordinary sockets for
 * what comes out of the switch. No address, route or rule of this computer is changed.
 */
export async function connectInternet(plan: MachinePlan, environment: Readonly<Record<string, string>>): Promise<void> {
  const log = openSync(`${plan.directory}/internet.log`, 'a', 0o600);
  const options = ['--configure', '--mtu=1500', '--disable-host-loopback', '--netns-type=path'];
  const child = spawn('slirp4netns', [...options, namespacePath(plan.switchNamespace), UPLINK], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...environment },
  });
  closeSync(log);
  child.unref();
  await waitForUplink(plan, child);
  await inSwitch(plan, ['sysctl', '-qw', 'net.ipv4.ip_forward=1'], 'let the switch forward');
  const masquerade = ['iptables', '-t', 'nat', '-A', 'POSTROUTING', '-o', UPLINK, '-j', 'MASQUERADE'];
  await inSwitch(plan, masquerade, 'masquerade what leaves the switch');
}

async function waitForUplink(plan: MachinePlan, child: { readonly exitCode: number | null }): Promise<void> {
  const deadline = performance.now() + UPLINK_TIMEOUT_MS;
  const host = namespaceHost({ name: 'switch', namespace: plan.switchNamespace });
  const argv = ['ip', 'route', 'show', 'default', 'dev', UPLINK];
  for (;;) {
    const { code, stdout } = await host.run({ argv, why: 'look for the way out' });
    if (code === 0 && stdout !== '') return;
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Fault('machines.boot', {
        what: 'the machines have no way to the internet: slirp4netns does not work',
        where: `${plan.directory}/internet.log`,
        remedy: 'read the log, or leave --internet out',
      });
    }
    await pause(20);
  }
}

async function inSwitch(plan: MachinePlan, argv: readonly string[], why: string, stdin = ''): Promise<void> {
  const enter = ['nsenter', `--net=${namespacePath(plan.switchNamespace)}`, '--'];
  await mustRun({ argv: [...enter, ...argv], why, stdin });
}
