/** What went wrong with a lab as a whole, with the likely cause. Pure. */
import { Fault } from '#runtime/fault.ts';
import { lostPairs } from './matrix.ts';
import type { LabPlan } from './plan.ts';
import { type HostSnapshot, type LabSnapshot, matricesOf } from './snapshot.ts';

const MOST_NAMED = 4;

/** One Fault for the hosts that did not come up; a single failure, or one that is no Fault, stays itself. */
export function gatherFailures(failures: readonly unknown[], total: number): unknown {
  const [first] = failures;
  if (!(first instanceof Fault) || failures.length === 1)
    return failures.find((each) => !(each instanceof Fault)) ?? first;
  return new Fault('lab.up', {
    what: `${failures.length} of ${total} hosts did not come up; the first: ${first.message}`,
    ...(first.where !== undefined && { where: first.where }),
    ...(first.why !== undefined && { why: first.why }),
    cause: first,
  });
}

/** The Fault `lab.up` for a matrix that is not full; undefined when every pair answers. */
export function matrixFault(snapshot: LabSnapshot, plan: LabPlan): Fault | undefined {
  const lost = matricesOf(snapshot).flatMap(({ matrix }) => lostPairs(matrix));
  if (lost.length === 0) return undefined;
  return new Fault('lab.up', {
    what: `${lost.length} Pod pairs do not answer: ${lost.slice(0, MOST_NAMED).join(', ')}${lost.length > MOST_NAMED ? ' …' : ''}`,
    where: `${plan.directory}/host*/agent.log`,
    why: likelyCause(snapshot.hosts, lost),
  });
}

function likelyCause(hosts: readonly HostSnapshot[], lost: readonly string[]): string {
  const named = (which: readonly HostSnapshot[]): string => which.map((host) => host.name).join(', ');
  const cut = hosts.filter((host) => host.uplink === 'cut');
  if (cut.length > 0) return `the cable is out at ${named(cut)}: weft lab heal ${cut[0]?.name}`;
  const bare = hosts.filter((host) => host.pod.address === undefined && host.pod.addressIpv6 === undefined);
  if (bare.length > 0) return `no Pod was set up on ${named(bare)}`;
  const idle = hosts.filter((host) => !host.agent.running);
  if (idle.length > 0) return `no agent runs on ${named(idle)}: weft lab start-agent ${idle[0]?.name}`;
  const common = hosts.filter((host) => lost.every((pair) => pair.split(' → ').includes(host.pod.name)));
  const suspect = common[0] ?? hosts[0];
  const hint = `compare: weft lab exec ${suspect?.name} -- ip route (ip -6 route, ip neigh, iptables-save or nft list ruleset)`;
  return common.length === 1 ? `${suspect?.name} has a part in all of them; ${hint}` : hint;
}
