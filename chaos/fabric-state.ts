/** The fabric as text, in the kernel of every host and in etcd: what a fault may change for a moment and not for good. */
import { type FabricReport, readFabric } from '#lab/fabric.ts';
import { hostOf } from '#lab/machines.ts';
import type { HostPlan, LabPlan } from '#lab/plan.ts';
import { Fault } from '#runtime/fault.ts';

/** Lines by name of the host. */
export type FabricState = ReadonlyMap<string, readonly string[]>;

/** A line for each thing; without what does not matter: the number of the device, the order, counters. */
const SCRIPT = [
  "ip -o link show dev flannel.1 | sed 's/^[0-9]*: //'",
  "ip -4 -o address show dev flannel.1 | sed 's/^[0-9]*: //'",
  "ip -4 -o route show dev flannel.1 | sed 's/^/route /'",
  "ip -4 neighbour show dev flannel.1 nud permanent | sed 's/^/neighbour /'",
  "bridge fdb show dev flannel.1 | sed 's/^/fdb /'",
  'iptables-save | grep -i -- ^-A.*flannel',
  'sysctl net.ipv4.ip_forward',
].join('; ');

/** An etcd that does not answer has no records. */
export async function readFabricState(plan: LabPlan): Promise<FabricState> {
  const [leases, kernels] = await Promise.all([readLeases(plan), Promise.all(plan.hosts.map(readKernel))]);
  return new Map(
    plan.hosts.map((host, index) => {
      const records = leases
        .filter(({ publicIp }) => publicIp === host.address)
        .map(({ subnet, deviceMac }) => `record ${subnet} ${deviceMac}`);
      return [host.name, [...(kernels[index] ?? []), ...records].sort()];
    }),
  );
}

async function readLeases(plan: LabPlan): Promise<FabricReport['leases']> {
  try {
    return (await readFabric(plan)).leases;
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}

async function readKernel(host: HostPlan): Promise<readonly string[]> {
  // A device that is gone is a state as well.
  const argv = ['sh', '-c', `{ ${SCRIPT}; } 2>/dev/null`];
  const { stdout } = await hostOf(host.namespace).run({ argv, why: `look at the fabric of ${host.name}` });
  return linesOf(stdout);
}

/** As a healthy host has it: Fault `lab.up` for one without device, peers or record, on which the comparison would be blind. */
export function requireWholeState(state: FabricState): FabricState {
  const kinds = ['flannel.1', 'route ', 'neighbour ', 'fdb ', '-A ', 'record '];
  for (const [host, lines] of state) {
    const missing = kinds.filter((kind) => !lines.some((line) => line.startsWith(kind)));
    if (missing.length > 0)
      throw new Fault('lab.up', { what: `${host} has nothing of this kind: ${missing.join(', ')}` });
  }
  return state;
}

/** What one has and the other has not, as `host2: - route 172.30.1.0/24 …` (gone) or `host2: + …` (new). Pure. */
export function differences(before: FabricState, after: FabricState): readonly string[] {
  return [...before].flatMap(([host, old]) => {
    const now = after.get(host) ?? [];
    return [
      ...old.filter((line) => !now.includes(line)).map((line) => `${host}: - ${line}`),
      ...now.filter((line) => !old.includes(line)).map((line) => `${host}: + ${line}`),
    ];
  });
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
}
