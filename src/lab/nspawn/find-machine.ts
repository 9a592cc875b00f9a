/** A machine by the name that a person gives it. Pure. */
import { Fault } from '#runtime/fault.ts';
import type { Machine, MachinePlan } from './machine-set.ts';

/** `m2`, or `2`; Fault `machines.unknown`. */
export function findMachine(plan: MachinePlan, name: string): Machine {
  const found = plan.machines.find((machine) => machine.name === name || String(machine.number) === name);
  if (found !== undefined) return found;
  throw new Fault('machines.unknown', {
    what: `there is no machine ${JSON.stringify(name)}`,
    where: `the machines ${plan.name}`,
    why: `there are ${plan.machines[0]?.name} to ${plan.machines.at(-1)?.name}`,
  });
}
