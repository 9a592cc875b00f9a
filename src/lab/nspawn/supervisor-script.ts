/**
 * The shell script that is a machine's power supply: it gives it a network, starts systemd-nspawn, and does so again when the
 * machine reboots itself. SIGTERM to it is the power button: the machine shuts down in order, then the script ends.
 *
 * Each boot has a new network namespace, as after a real power cycle: no device, route or rule of the boot before is left.
 * The overlay is mounted in a mount namespace that ends with the machine, so nothing is ever mounted on this computer itself.
 * A machine may do what a host may (container engines want keyrings and BPF), but not set the clock, which is this computer's.
 * It sees cgroup version 2 alone, whatever this computer has: version 1's controllers would be read-only inside.
 * Pure: every word in it comes from a plan, whose names are letters, digits and dashes.
 */
import { type DiskStack, overlayOptions } from './disk-stack.ts';
import { cgroupOf, type Machine, type MachinePlan } from './machine-set.ts';

/** How systemd-nspawn says that the machine wants to start again, when it runs with --keep-unit. */
const REBOOT_EXIT_CODE = 133;
const MTU = 1500;

export interface SupervisorFiles {
  /** Where the overlay is mounted, in the machine's own mount namespace. */
  readonly root: string;
  /** One line for each boot: the namespace's inode number. */
  readonly boots: string;
  readonly script: string;
  readonly log: string;
}

export function supervisorFiles(machine: Machine): SupervisorFiles {
  const { directory } = machine;
  return {
    root: `${directory}/root`,
    boots: `${directory}/boots`,
    script: `${directory}/run.sh`,
    log: `${directory}/console.log`,
  };
}

/** `hierarchies` as `systemdHierarchies` gives them. */
export function supervisorScript(
  plan: MachinePlan,
  machine: Machine,
  stack: DiskStack,
  hierarchies: readonly string[],
): string {
  const { root, boots } = supervisorFiles(machine);
  const cgroups = hierarchies.map((path) => `${path}/${cgroupOf(plan)}/${machine.name}`);
  const length = plan.subnet.split('/')[1];
  return `#!/bin/sh
# The power supply of the machine ${machine.name} of the set ${plan.name}; SIGTERM shuts it down. Made anew by weft at each start.
set -u

wire() {
  # Taken out by hand: the kernel takes its time to clear a namespace away.
  ip -netns ${plan.switchNamespace} link del ${machine.name} 2>/dev/null
  ip netns del ${machine.namespace} 2>/dev/null
  ip netns add ${machine.namespace} || return 1
  stat -Lc %i /run/netns/${machine.namespace} >>${boots} || return 1
  ip -batch - <<END || return 1
link add eth0 address ${machine.mac} netns ${machine.namespace} mtu ${MTU} type veth peer name ${machine.name} netns ${plan.switchNamespace} mtu ${MTU}
END
  ip -netns ${plan.switchNamespace} link set ${machine.name} master br0 up || return 1
  ip -netns ${machine.namespace} -batch - <<END
link set lo up
address add ${machine.address}/${length} dev eth0
link set eth0 up
route add default via ${plan.switchAddress}
END
}

boot() {
${cgroups.map((path) => `  mkdir -p ${path} && echo $$ >${path}/cgroup.procs || exit 1`).join('\n')}
  mount -t overlay ${machine.namespace} -o ${overlayOptions(plan.base, machine.directory, stack)} ${root} || exit 1
  # systemd-nspawn leaves locks and directories there when it is killed; these go with the mount namespace.
  mkdir -p /run/systemd/nspawn && mount -t tmpfs ${machine.namespace} /run/systemd/nspawn || exit 1
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network exec systemd-nspawn --quiet --boot --register=no --keep-unit \\
    --directory=${root} --machine=${machine.namespace} --hostname=${machine.name} --uuid=${machine.machineId} \\
    --network-namespace-path=/run/netns/${machine.namespace} --capability=all --drop-capability=CAP_SYS_TIME \\
    --system-call-filter='@keyring bpf' --kill-signal=SIGRTMIN+4 \\
    --console=passive --resolv-conf=off --timezone=off --link-journal=no
}

if [ "\${1-}" = boot ]; then boot; fi

stopping=
trap 'stopping=yes; [ -z "\${machine-}" ] || kill -TERM "$machine"' TERM
until [ -n "$stopping" ]; do
  wire || exit 1
  unshare --mount --propagation slave -- /bin/sh "$0" boot &
  machine=$!
  [ -z "$stopping" ] || kill -TERM "$machine"
  # A signal ends the waiting, not the machine.
  while wait "$machine"; code=$?; kill -0 "$machine" 2>/dev/null; do :; done
  [ "$code" = ${REBOOT_EXIT_CODE} ] || exit "$code"
done
`;
}
