/** The first step of a lab: its plan is made and its name and subnet are taken, before there is anything to clean up. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { Fault } from '#runtime/fault.ts';
import { requireKernelSupport } from './kernel-support.ts';
import { machineNetworks } from './machine-networks.ts';
import { refuseForeignNamespaces } from './machines.ts';
import { type LabPlan, planLab, plannedNamespaces } from './plan.ts';
import { identifyProcess } from './process-identity.ts';
import { type LabRequest, shapeLab } from './request.ts';
import { createState, type LabState, listLabs, readState, removeState } from './state.ts';
import type { TakenNetwork } from './surroundings.ts';

const ATTEMPTS = 20;
const LONGEST_PAUSE_MS = 50;

/** Faults: `usage.*` and `network.invalid` for the request, `kernel.device-kind`, `lab.exists`, `lab.foreign`. */
export async function claimLab(request: LabRequest): Promise<LabState> {
  for (let attempt = 1; ; attempt += 1) {
    const plan = planLab(shapeLab(request, takenNetworks()));
    await requireKernelSupport(plan.backend);
    if (plan.pods === 'docker') await (await import('./docker/engine.ts')).requireDocker();
    if (readState(plan.name) !== undefined) {
      throw new Fault('lab.exists', { what: `a lab named ${plan.name} is there already`, where: plan.directory });
    }
    refuseForeignNamespaces(plannedNamespaces(plan));
    const state = newState(plan);
    createState(state);
    // Another lab may have chosen the same subnet at the same moment. At least one of the two sees the other here.
    const others = listLabs().filter((other) => other.plan.name !== plan.name);
    const clash = request.subnet === undefined && others.some((other) => other.plan.subnet === plan.subnet);
    if (!clash || attempt === ATTEMPTS) return state;
    removeState(state);
    await pause(Math.random() * LONGEST_PAUSE_MS);
  }
}

/** Networks that a new lab keeps clear of: this machine's and those of every lab. */
function takenNetworks(): readonly TakenNetwork[] {
  const labs = listLabs().flatMap((lab) => {
    const network = parseIpv4Cidr(lab.plan.subnet);
    return network === undefined ? [] : [{ network, owner: `the lab ${lab.plan.name}` }];
  });
  return [...machineNetworks(), ...labs];
}

function newState(plan: LabPlan): LabState {
  const maker = identifyProcess(process.pid);
  if (maker === undefined) throw new Error('this process is not in /proc');
  return {
    version: 1,
    id: randomBytes(12).toString('hex'),
    createdAt: new Date().toISOString(),
    phase: 'starting',
    maker,
    plan,
    namespaces: {},
    processes: [],
  };
}
