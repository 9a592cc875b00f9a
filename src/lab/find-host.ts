/** Finds a host or Pod of a lab by the name that a person typed. */
import { nearestWord } from '#cli/nearest-word.ts';
import { Fault } from '#runtime/fault.ts';
import type { HostPlan, LabPlan } from './plan.ts';

/** Fault `lab.host` with the nearest known name. */
export function findHost(plan: LabPlan, name: string): HostPlan {
  const host = plan.hosts.find((candidate) => candidate.name === name);
  if (host !== undefined) return host;
  throw unknownName(
    plan,
    name,
    plan.hosts.map((candidate) => candidate.name),
  );
}

/** The namespace of a host (`host2`) or a Pod (`pod2`), or of the switch (`switch`). */
export function findNamespace(plan: LabPlan, name: string): string {
  if (name === 'switch') return plan.switchNamespace;
  const host = plan.hosts.find((candidate) => candidate.name === name || candidate.pod.name === name);
  if (host !== undefined) return host.name === name ? host.namespace : host.pod.namespace;
  throw unknownName(plan, name, [...plan.hosts.flatMap((candidate) => [candidate.name, candidate.pod.name]), 'switch']);
}

function unknownName(plan: LabPlan, name: string, known: readonly string[]): Fault {
  const nearest = nearestWord(name, known);
  return new Fault('lab.host', {
    what: `${JSON.stringify(name)} is no host of the lab ${plan.name}`,
    why: nearest === undefined ? `there are ${known[0]} to ${plan.hosts.at(-1)?.name}` : `did you mean ${nearest}?`,
  });
}
