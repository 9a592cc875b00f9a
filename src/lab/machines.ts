/** Makes the lab's namespaces and cables, and removes them. It goes by the plan; the texts are in wiring.ts. */
import { existsSync, statSync } from 'node:fs';
import type { Host } from '#hosts/host.ts';
import { namespaceHost, namespacePath } from '#hosts/namespace.ts';
import { mustRun, runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { type HostPlan, type LabPlan, namespacesToMake } from './plan.ts';
import {
  connectPorts,
  type LeasedHost,
  makeNamespaces,
  plugHosts,
  removeNamespaces,
  routeAtSwitch,
  routeToSwitch,
  SWITCH_BRIDGE,
  setNeighbours,
  setUpHost,
  setUpSwitch,
} from './wiring.ts';

/** Processes at once; `ip` is short and the machine may be small. */
export const CONCURRENCY = 8;

/** More hosts than this and they no longer learn each other's addresses by themselves: see `setNeighbours`. */
const MOST_LEARNING_HOSTS = 16;

/** Fault `lab.foreign` when one of these namespaces exists: it is somebody else's, whatever its name. */
export function refuseForeignNamespaces(names: readonly string[]): void {
  const found = names.filter((name) => existsSync(namespacePath(name)));
  if (found.length === 0) return;
  throw new Fault('lab.foreign', {
    what: `there is a namespace ${found.slice(0, 3).join(', ')} that no lab here has made`,
    where: namespacePath(found[0] ?? ''),
  });
}

/** All machines of a new lab: addresses set, forwarding on, cables plugged in, Pods still empty. */
export async function makeMachines(plan: LabPlan): Promise<void> {
  const names = [plan.switchNamespace, ...plan.hosts.flatMap((host) => namespacesToMake(plan, host))];
  await ipBatch(makeNamespaces(names) + plugHosts(plan, plan.hosts), 'make the namespaces');
  await Promise.all([setUpTheSwitch(plan), mapConcurrent(plan.hosts, CONCURRENCY, (host) => setUp(plan, host))]);
  await introduceHosts(plan);
}

/** One more machine, plugged into the switch of a lab that is up. */
export async function addMachine(plan: LabPlan, host: HostPlan): Promise<void> {
  await ipBatch(makeNamespaces(namespacesToMake(plan, host)) + plugHosts(plan, [host]), `make ${host.name}`);
  await ipBatchIn(plan.switchNamespace, connectPorts([host]), `plug ${host.name} into the switch`);
  await setUp(plan, host);
  await introduceHosts(plan);
}

/** Inode of each of these namespaces that exists: what tells ours from another of the same name. */
export function identifyNamespaces(names: readonly string[]): Readonly<Record<string, string>> {
  const inodes: Record<string, string> = {};
  for (const name of names) {
    const stat = statSync(namespacePath(name), { throwIfNoEntry: false });
    if (stat !== undefined) inodes[name] = String(stat.ino);
  }
  return inodes;
}

export interface RemovedNamespaces {
  readonly removed: readonly string[];
  /** They have the name of one of ours and are another. */
  readonly foreign: readonly string[];
}

/** Removes those of `names` that exist; `inodes` says which they were when they were made, as far as that is known. */
export async function removeMachines(
  names: readonly string[],
  inodes: Readonly<Record<string, string>>,
): Promise<RemovedNamespaces> {
  const present = identifyNamespaces(names);
  const foreign = Object.keys(present).filter((name) => inodes[name] !== undefined && inodes[name] !== present[name]);
  const removed = Object.keys(present).filter((name) => !foreign.includes(name));
  if (removed.length > 0) await ipBatch(removeNamespaces(removed), 'remove the namespaces');
  return { removed, foreign };
}

/** Cuts a host's cable at the switch, or mends it. */
export async function setUplink(plan: LabPlan, host: HostPlan, state: 'up' | 'down'): Promise<void> {
  await ipBatchIn(plan.switchNamespace, `link set ${host.name} ${state}\n`, `set the uplink of ${host.name} ${state}`);
}

/**
 * Makes the switch a router for the Pods, for a backend that leaves the routes to the network between the hosts. It can be
 * repeated: leases change.
 */
export async function routeByNetwork(plan: LabPlan, leased: readonly LeasedHost[]): Promise<void> {
  const { switchNamespace } = plan;
  await writeSettings(switchNamespace, ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'], '1');
  // Sender and next host are on the same cable, of which the switch would tell the Pods with every packet.
  await writeSettings(
    switchNamespace,
    ['all', SWITCH_BRIDGE].map((name) => `ipv4/conf/${name}/send_redirects`),
    '0',
  );
  await ipBatchIn(switchNamespace, routeAtSwitch(leased), 'give the switch its routes to the Pods');
  await mapConcurrent(leased, CONCURRENCY, ({ host }) =>
    ipBatchIn(host.namespace, routeToSwitch(plan), `give ${host.name} its route to the switch`),
  );
}

/** Hosts whose cable is cut at the switch. */
export async function cutUplinks(plan: LabPlan): Promise<readonly string[]> {
  const argv = ['ip', '-json', 'link', 'show', 'type', 'veth'];
  const output = await hostOf(plan.switchNamespace).run({ argv, why: 'look at the switch' });
  if (output.code !== 0) return [];
  const links: readonly { readonly ifname: string; readonly flags: readonly string[] }[] = JSON.parse(
    output.stdout || '[]',
  );
  return links.filter((link) => !link.flags.includes('UP')).map((link) => link.ifname);
}

/** A namespace of the lab as a Host to run commands on. */
export function hostOf(namespace: string): Host {
  return namespaceHost({ name: namespace, namespace });
}

/** Runs `ip -batch` inside a namespace; the first line that fails is a Fault with ip's own words. */
export async function ipBatchIn(namespace: string, lines: string, why: string): Promise<void> {
  const command = { argv: ['ip', '-batch', '-'], stdin: lines, why };
  const output = await hostOf(namespace).run(command);
  if (output.code !== 0) throw batchFault(why, namespace, output.stderr);
}

async function ipBatch(lines: string, why: string): Promise<void> {
  const output = await runCommand({ argv: ['ip', '-batch', '-'], stdin: lines, why });
  if (output.code !== 0) throw batchFault(why, undefined, output.stderr);
}

async function setUpTheSwitch(plan: LabPlan): Promise<void> {
  if (plan.families.includes('ipv6')) await useIpv6AtOnce(plan.switchNamespace);
  await ipBatchIn(plan.switchNamespace, setUpSwitch(plan), 'set up the switch');
}

async function setUp(plan: LabPlan, host: HostPlan): Promise<void> {
  if (plan.families.includes('ipv6')) {
    await writeSettings(host.namespace, ['ipv6/conf/all/forwarding'], '1');
    await useIpv6AtOnce(host.namespace, 'eth0');
  }
  await ipBatchIn(host.namespace, setUpHost(plan, host), `set up ${host.name}`);
  await writeSettings(host.namespace, ['ipv4/ip_forward'], '1');
}

/**
 * Turns the detection of duplicate addresses off for every device of the namespace, be it there already (like `present`) or
 * not. The kernel asks for neighbours with link-local addresses, which would else be a second late.
 */
function useIpv6AtOnce(namespace: string, ...present: readonly string[]): Promise<void> {
  // It ends when both the general setting and the device's own say so.
  const names = ['all', 'default', ...present].map((name) => `ipv6/conf/${name}/accept_dad`);
  return writeSettings(namespace, names, '0');
}

/** Writes a value to files below /proc/sys/net, which shows the settings of the namespace that the writer is in. */
async function writeSettings(namespace: string, names: readonly string[], value: string): Promise<void> {
  const files = names.map((name) => `/proc/sys/net/${name}`);
  const argv = ['nsenter', `--net=${namespacePath(namespace)}`, '--', 'tee', ...files];
  await mustRun({ argv, stdin: value, why: `set ${names.join(', ')} in ${namespace}` });
}

async function introduceHosts(plan: LabPlan): Promise<void> {
  if (plan.hosts.length <= MOST_LEARNING_HOSTS) return;
  await mapConcurrent(plan.hosts, CONCURRENCY, (host) =>
    ipBatchIn(host.namespace, setNeighbours(plan, host), `introduce the other hosts to ${host.name}`),
  );
}

function batchFault(why: string, namespace: string | undefined, stderr: string): Fault {
  return new Fault('command.failed', {
    what: `could not ${why}`,
    where: namespace === undefined ? 'ip -batch' : `ip -batch in ${namespace}`,
    why: stderr.trim().slice(-400),
  });
}
