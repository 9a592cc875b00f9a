/** What can be done to a set that is up: reboot, snapshot, restore. */
import type { LabControl } from '#lab/lab-control.ts';
import { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { type DiskStack, MOST_LAYERS, restoreSnapshot, takeSnapshot } from './disk-stack.ts';
import { findMachine } from './find-machine.ts';
import { CONCURRENCY, type Machine } from './machine-set.ts';
import { powerOff, powerOn, waitUntilReady } from './power.ts';
import { requireSetState, SET_NAME, type SetState, updateSetState } from './set-state.ts';

/** Shuts the machine down, starts it again, and waits for it; one that is off is started. Gives systemd's word for its state. */
export async function rebootMachine(name: string, machineName: string, control: LabControl): Promise<string> {
  const state = requireSetState(name);
  const machine = findMachine(state.plan, machineName);
  control.step(`${machine.name}: shut down`);
  await powerOff(state, [machine]);
  const [word = ''] = await boot(state, [machine], control);
  return word;
}

/** Keeps the disks of all machines as they are now; an older snapshot of that name is forgotten. The machines are rebooted. */
export async function snapshotMachines(name: string, snapshot: string, control: LabControl): Promise<void> {
  const { stack } = requireSetState(name);
  if (!SET_NAME.test(snapshot)) {
    throw new Fault('usage.flag', {
      what: `${JSON.stringify(snapshot)} is no name for a snapshot: 1 to 32 lower-case letters, digits and inner dashes`,
    });
  }
  if (stack.layers.length >= MOST_LAYERS) {
    throw new Fault('machines.snapshot', {
      what: `the disks of the machines ${name} have ${stack.layers.length} layers, and ${MOST_LAYERS} is the most`,
      remedy: 'go back to an early snapshot with restore, or make new machines',
    });
  }
  await exchangeDisks(name, (now) => takeSnapshot(now, snapshot, new Date().toISOString()), control);
}

/** Puts the disks of all machines back as they were at the snapshot; what was written since is gone. */
export async function restoreMachines(name: string, snapshot: string, control: LabControl): Promise<void> {
  const { stack } = requireSetState(name);
  const restored = restoreSnapshot(stack, snapshot);
  if (restored !== undefined) return exchangeDisks(name, () => restored, control);
  const names = stack.snapshots.map((each) => each.name);
  throw new Fault('machines.snapshot', {
    what: `there is no snapshot ${JSON.stringify(snapshot)} of the machines ${name}`,
    why: names.length === 0 ? 'none was taken' : `there is ${names.join(', ')}`,
    remedy: `take one: weft lab machines snapshot ${SET_NAME.test(snapshot) ? snapshot : 'clean'}`,
  });
}

async function exchangeDisks(
  name: string,
  change: (stack: DiskStack) => DiskStack,
  control: LabControl,
): Promise<void> {
  const before = requireSetState(name);
  control.step(`${before.plan.machines.length} machines: shut down`);
  await powerOff(before, before.plan.machines);
  const state = updateSetState(name, (now) => ({ ...now, stack: change(now.stack) }));
  await boot(state, state.plan.machines, control);
}

async function boot(state: SetState, machines: readonly Machine[], control: LabControl): Promise<readonly string[]> {
  control.step(`${machines.map((machine) => machine.name).join(', ')}: boot`);
  return mapConcurrent(machines, CONCURRENCY, async (machine) => {
    await powerOn(state, machine);
    return waitUntilReady(state, machine, control.signal);
  });
}
