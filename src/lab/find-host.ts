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

/** The Fault for a name that is none of the `known` ones. */
export function unknownName(plan: LabPlan, name: string, known: readonly string[], kind = 'host'): Fault {
  const nearest = nearestWord(name, known);
  return new Fault('lab.host', {
    what: `${JSON.stringify(name)} is no ${kind} of the lab ${plan.name}`,
    why:
      nearest === undefined
        ? `there are ${known[0]} to ${kind === 'host' ? plan.hosts.at(-1)?.name : known.at(-1)}`
        : `did you mean ${nearest}?`,
  });
}
