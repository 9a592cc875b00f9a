/**
 * A lab: a whole fabric on one machine. `createLab` makes one, `destroyLab` (destroy-lab.ts) removes one, and the verbs
 * on a running one are in running-lab.ts. The commands only wrap these; bench and tests use them directly.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { Fault } from '#runtime/fault.ts';
import { logTail, startAgent } from './agents.ts';
import { askFabric } from './ask-fabric.ts';
import { claimLab } from './claim-lab.ts';
import { destroyLab } from './destroy-lab.ts';
import { drawSvg } from './draw-svg.ts';
import { etcdLog, etcdMember, members, writeCertificates } from './etcd-members.ts';
import { identifyNamespaces, makeMachines } from './machines.ts';
import { lostPairs } from './matrix.ts';
import { observeLab, settleMatrix } from './observe.ts';
import { type LabPlan, plannedNamespaces } from './plan.ts';
import { startPod } from './pods.ts';
import type { LabRequest } from './request.ts';
import type { LabSnapshot } from './snapshot.ts';
import { startDetached } from './start-detached.ts';
import { type LabState, requireState, updateState } from './state.ts';

/** How whoever asked takes part: hears of each step, and may call it off. */
export interface LabControl {
  readonly signal: AbortSignal;
  /** A step begins; the one before is done. */
  readonly step: (text: string) => void;
  /** The running step in other words. */
  readonly update: (text: string) => void;
}

const ETCD_PATIENCE_MS = 30_000;
const MATRIX_PATIENCE_MS = 10_000;

/**
 * A lab from nothing to a full Pod matrix. What fails is a Fault and leaves the lab as it is, for a look at it; when the
 * signal is aborted everything is taken down again before the promise rejects.
 */
export async function createLab(request: LabRequest, control: LabControl): Promise<LabSnapshot> {
  const state = await prepareLab(request, control);
  return undoIfAborted(state.plan.name, control, () => weaveLab(state, control));
}

/** Machines with addresses, a running etcd with the network document in it, no agents yet. */
export async function prepareLab(request: LabRequest, control: LabControl): Promise<LabState> {
  const state = await claimLab(request);
  return undoIfAborted(state.plan.name, control, async () => {
    const { plan } = state;
    control.step(`${plan.hosts.length} hosts, a switch and the certificates`);
    await Promise.all(plan.hosts.map((host) => mkdir(host.directory, { recursive: true })));
    await Promise.all([makeMachines(plan), writeCertificates(plan)]);
    updateState(plan.name, (now) => ({ ...now, namespaces: identifyNamespaces(plannedNamespaces(plan)) }));
    control.signal.throwIfAborted();
    control.step(`etcd: ${members(plan).length} members, mutual TLS`);
    startMembers(state);
    return await writeDocument(state);
  });
}

/** Agents on all hosts at the same instant, a Pod behind each, and every Pod pinging every other. */
export async function weaveLab(state: LabState, control: LabControl): Promise<LabSnapshot> {
  const { plan } = state;
  const total = plan.hosts.length;
  let ready = 0;
  control.step(`${total} agents`);
  const outcomes = await Promise.allSettled(
    plan.hosts.map(async (host) => {
      await startAgent(state, host, control.signal);
      ready += 1;
      control.update(`${total} agents: ${ready} ready`);
      await startPod(host);
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  control.step(`${total * (total - 1)} Pod pairs`);
  return finishLab(plan.name, control.signal);
}

/** The matrix, the picture, and the lab is up; Fault `lab.up` when some Pod does not reach another. */
export async function finishLab(name: string, signal: AbortSignal): Promise<LabSnapshot> {
  const state = updateState(name, (now) => ({ ...now, phase: 'up' }));
  const matrix = await settleMatrix(state.plan, MATRIX_PATIENCE_MS, signal);
  const snapshot = await observeLab(state, matrix);
  await writeFile(svgFile(state.plan), drawSvg(snapshot));
  return snapshot;
}

/** Where the picture of a lab is. */
export function svgFile(plan: LabPlan): string {
  return `${plan.directory}/lab.svg`;
}

/** What a snapshot lacks of a working fabric, as the Fault to end with; undefined when all is well. */
export function faultOf(snapshot: LabSnapshot, plan: LabPlan): Fault | undefined {
  const lost = snapshot.matrix === undefined ? [] : lostPairs(snapshot.matrix);
  if (lost.length === 0) return undefined;
  const silent = snapshot.hosts.filter((host) => host.pod.address === undefined || !host.agent.running);
  return new Fault('lab.up', {
    what: `${lost.length} Pod pairs do not answer: ${lost.slice(0, 4).join(', ')}${lost.length > 4 ? ' …' : ''}`,
    where: `logs: ${plan.directory}/host*/agent.log`,
    why:
      silent.length > 0
        ? `no agent runs on ${silent.map((host) => host.name).join(', ')}`
        : 'compare: weft lab exec host1 -- ip route; weft lab exec host1 -- bridge fdb show dev flannel.1',
  });
}

/** etcd's members run from here on; the mark in their environment finds one that is started and not yet recorded. */
function startMembers(state: LabState): void {
  for (const host of members(state.plan)) {
    const { identity } = startDetached(etcdMember(state.plan, state.id, host));
    updateState(state.plan.name, (now) => ({
      ...now,
      processes: [...now.processes, { role: 'etcd', host: host.name, ...identity }],
    }));
  }
}

async function writeDocument(state: LabState): Promise<LabState> {
  const { plan } = state;
  try {
    await askFabric(plan, state.id, { document: plan.document, patienceMs: ETCD_PATIENCE_MS });
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    const logs = members(plan).map(etcdLog);
    const why = [cause.why ?? cause.message, ...logs.flatMap(logTail)].join('\n    ');
    throw new Fault('lab.up', { what: 'etcd did not take the network document', where: logs.join(', '), why, cause });
  }
  return requireState(plan.name);
}

/** Ctrl-C reaches the programs that run for us as well, so whatever failure it causes is the interruption. */
async function undoIfAborted<Result>(name: string, control: LabControl, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    control.signal.throwIfAborted();
    return result;
  } catch (error) {
    if (!control.signal.aborted) throw error;
    await destroyLab(name);
    throw control.signal.reason;
  }
}
