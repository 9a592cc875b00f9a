/**
 * A set of machines: real systemd hosts on this computer, each a container by systemd-nspawn with its own disk, network and
 * cgroup, joined by a switch. Everything is named here, before anything is made. Pure, and plain JSON, because it is what
 * `down` goes by after a crash. It is no lab: it has no etcd, no agent and no Pod, only hosts on which one may put them.
 */
import { formatIpv4Cidr, type Ipv4Cidr, maskIpv4Cidr } from '#model/cidr.ts';
import { formatIpv4 } from '#model/ipv4.ts';

/** A directory for each set. It is on disk and not below /run, since the machines' disks lie in it. */
export const MACHINES_ROOT = '/var/lib/weft/machines';
export const MOST_MACHINES = 30;
/** Machines at once; each boot keeps a processor busy. */
export const CONCURRENCY = 8;
/** The first machine's address is the eleventh of the subnet. */
const FIRST_MACHINE_OFFSET = 11;

export interface Machine {
  /** From 1. */
  readonly number: number;
  /** `m1`: host name, port on the switch, name for ssh. */
  readonly name: string;
  /** Network namespace, a new one at each boot. */
  readonly namespace: string;
  /** Dotted quad. */
  readonly address: string;
  /** MAC of its `eth0`. */
  readonly mac: string;
  /** 32 hexadecimal digits, as in /etc/machine-id. */
  readonly machineId: string;
  readonly directory: string;
}

export interface MachinePlan {
  readonly name: string;
  readonly directory: string;
  /** `10.78.0.0/16`. */
  readonly subnet: string;
  readonly switchNamespace: string;
  /** Address of the bridge in it, the machines' default gateway. */
  readonly switchAddress: string;
  /** Directory of the read-only root that all of them share. */
  readonly base: string;
  /** Debian packages in it beyond the usual ones. */
  readonly packages: readonly string[];
  /** Whether they reach the internet, through a user-mode network stack behind the switch. */
  readonly internet: boolean;
  readonly machines: readonly Machine[];
}

export interface MachineRequest {
  readonly name: string;
  readonly count: number;
  readonly packages: readonly string[];
  readonly internet: boolean;
}

/** `newId` gives 32 random hexadecimal digits at each call. */
export function planMachines(
  request: MachineRequest,
  subnet: Ipv4Cidr,
  base: string,
  newId: () => string,
): MachinePlan {
  const { name, packages, internet } = request;
  const directory = `${MACHINES_ROOT}/${name}`;
  const machines = Array.from({ length: request.count }, (_, index): Machine => {
    const address = subnet.address + FIRST_MACHINE_OFFSET + index;
    const machineId = newId();
    return {
      number: index + 1,
      name: `m${index + 1}`,
      namespace: namespaceName(name, `m${index + 1}`),
      address: formatIpv4(address),
      mac: macOf(machineId),
      machineId,
      directory: `${directory}/m${index + 1}`,
    };
  });
  return {
    name,
    directory,
    subnet: formatIpv4Cidr(maskIpv4Cidr(subnet)),
    switchNamespace: namespaceName(name, 'switch'),
    switchAddress: formatIpv4(subnet.address + 1),
    base,
    packages,
    internet,
    machines,
  };
}

/** Every namespace of the set. */
export function namespacesOf(plan: MachinePlan): readonly string[] {
  return [plan.switchNamespace, ...plan.machines.map(({ namespace }) => namespace)];
}

/** The cgroup of the whole set below the root of each hierarchy. */
export function cgroupOf(plan: Pick<MachinePlan, 'name'>): string {
  return `weft-machines-${plan.name}`;
}

/** Not `weft-NAME-…`, which is how a lab's namespaces are named. */
function namespaceName(set: string, name: string): string {
  return `weftm-${set}-${name}`;
}

/** A locally administered unicast address, as random as the machine's id. */
function macOf(machineId: string): string {
  const octets = machineId.match(/../g) ?? [];
  return ['02', ...octets.slice(0, 5)].join(':');
}
