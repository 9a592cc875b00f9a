/** The fabric's state in the kernel of every host, as text: what a fault may change for a moment and not for good. */
import { hostOf } from '#lab/machines.ts';
import type { HostPlan } from '#lab/plan.ts';
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

export async function readFabricState(hosts: readonly HostPlan[]): Promise<FabricState> {
  const entries = await Promise.all(
    hosts.map(async (host) => {
      const { stdout } = await hostOf(host.namespace).run({
        // A device that is gone is a state as well.
        argv: ['sh', '-c', `{ ${SCRIPT}; } 2>/dev/null`],
        why: `look at the fabric of ${host.name}`,
      });
      return [host.name, linesOf(stdout)] as const;
    }),
  );
  return new Map(entries);
}

/** As a healthy host has it: Fault `lab.up` for one without device or peers, on which the comparison would be blind. */
export function requireWholeState(state: FabricState): FabricState {
  const kinds = ['flannel.1', 'route ', 'neighbour ', 'fdb ', '-A '];
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
    .filter((line) => line !== '')
    .sort();
}
