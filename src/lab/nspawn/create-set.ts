/** `up`: from nothing to machines that answer by SSH. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { namespacePath } from '#hosts/namespace.ts';
import type { LabControl } from '#lab/lab-control.ts';
import { machineNetworks } from '#lab/machine-networks.ts';
import { identifyProcess } from '#lab/process-identity.ts';
import { listLabs } from '#lab/state.ts';
import { chooseSubnet, type TakenNetwork } from '#lab/surroundings.ts';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { ensureBase } from './base-image.ts';
import { checkRequest } from './check-request.ts';
import { destroySet } from './destroy-set.ts';
import { FIRST_STACK } from './disk-stack.ts';
import { makeDisk, makeKey } from './machine-disk.ts';
import { CONCURRENCY, type MachinePlan, type MachineRequest, namespacesOf, planMachines } from './machine-set.ts';
import { connectInternet, makeSwitch } from './machine-switch.ts';
import { markOf, powerOn, waitUntilReady } from './power.ts';
import { ensureRequirements } from './requirements.ts';
import { createSetState, listSets, readSetState, type SetState, setExists, updateSetState } from './set-state.ts';
import { knownHost, sshConfig, sshFiles } from './ssh-access.ts';

/** Faults `usage.flag`, `machines.*`, `lab.foreign`. What was made is removed again when the signal comes. */
export async function createSet(request: MachineRequest, control: LabControl): Promise<SetState> {
  checkRequest(request);
  if (readSetState(request.name) !== undefined) throw setExists(request.name);
  await ensureRequirements(request.internet, control);
  const base = await ensureBase(request.packages, control);
  control.signal.throwIfAborted();
  const state = claim(request, base);
  try {
    const made = await make(state, control);
    control.signal.throwIfAborted();
    return made;
  } catch (error) {
    if (!control.signal.aborted) throw error;
    await destroySet(request.name, { orderly: false });
    throw control.signal.reason;
  }
}

function claim(request: MachineRequest, base: string): SetState {
  const subnet = chooseSubnet(takenNetworks());
  if (subnet === undefined) {
    throw new Fault('usage.flag', {
      what: 'no free subnet found for the machines',
      why: 'all of 10.77.0.0/16 to 10.126.0.0/16 are in use on this computer',
      remedy: 'take other machines or labs down: weft lab machines down, weft lab down',
    });
  }
  const plan = planMachines(request, subnet, base, () => randomBytes(16).toString('hex'));
  const foreign = namespacesOf(plan).find((name) => existsSync(namespacePath(name)));
  if (foreign !== undefined) {
    throw new Fault('lab.foreign', {
      what: `there is a namespace ${foreign} that no machine here has made`,
      where: namespacePath(foreign),
    });
  }
  const maker = identifyProcess(process.pid);
  if (maker === undefined) throw new Error('this process is not in /proc');
  const id = randomBytes(12).toString('hex');
  const createdAt = new Date().toISOString();
  const state: SetState = { version: 1, id, createdAt, phase: 'starting', maker, plan, stack: FIRST_STACK };
  createSetState(state);
  return state;
}

async function make(state: SetState, control: LabControl): Promise<SetState> {
  const { plan } = state;
  const many = `${plan.machines.length} machine${plan.machines.length === 1 ? '' : 's'}`;
  control.step(`${many}: switch, disks and keys`);
  const switchInode = await makeSwitch(plan);
  updateSetState(plan.name, (now) => ({ ...now, switchInode }));
  if (plan.internet) await connectInternet(plan, markOf(state));
  await makeDisks(state, plan);
  control.signal.throwIfAborted();
  let ready = 0;
  control.step(`${many}: boot until systemd has started everything and sshd answers`);
  await mapConcurrent(plan.machines, CONCURRENCY, async (machine) => {
    await powerOn(state, machine);
    await waitUntilReady(state, machine, control.signal);
    ready += 1;
    control.update(`${many}: boot until systemd has started everything and sshd answers (${ready} ready)`);
  });
  return updateSetState(plan.name, (now) => ({ ...now, phase: 'up' }));
}

async function makeDisks(state: SetState, plan: MachinePlan): Promise<void> {
  const files = sshFiles(plan);
  mkdirSync(files.directory, { recursive: true, mode: 0o700 });
  await makeKey(files.key, `weft lab machines ${plan.name}`);
  const knownHosts = await mapConcurrent(plan.machines, CONCURRENCY, async (machine) =>
    knownHost(machine, await makeDisk(plan, machine, state.stack)),
  );
  writeFileSync(files.knownHosts, knownHosts.join(''), { mode: 0o600 });
  writeFileSync(files.config, sshConfig(plan), { mode: 0o600 });
}

/** Networks that new machines keep clear of, so that no two addresses that a person meets are the same. */
function takenNetworks(): readonly TakenNetwork[] {
  const owned = [
    ...listLabs().map(({ plan }) => ({ subnet: plan.subnet, owner: `the lab ${plan.name}` })),
    ...listSets().map(({ plan }) => ({ subnet: plan.subnet, owner: `the machines ${plan.name}` })),
  ];
  const taken = owned.flatMap(({ subnet, owner }) => {
    const network = parseIpv4Cidr(subnet);
    return network === undefined ? [] : [{ network, owner }];
  });
  return [...machineNetworks(), ...taken];
}
