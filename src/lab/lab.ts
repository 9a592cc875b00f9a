/**
 * A lab: a whole fabric on one machine. `createLab` makes one from nothing (prepare-lab.ts makes the ground only),
 * `destroyLab` (destroy-lab.ts) removes one, and the verbs on a running one are in running-lab.ts. The commands only wrap
 * these; bench and tests use them directly.
 */
import { writeFile } from 'node:fs/promises';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { startAgent } from './agents.ts';
import { drawSvg } from './draw-svg.ts';
import { type LabControl, undoIfAborted } from './lab-control.ts';
import { gatherFailures } from './lab-faults.ts';
import { CONCURRENCY } from './machines.ts';
import { observeLab, settleMatrices } from './observe.ts';
import type { LabPlan } from './plan.ts';
import { routePods, startPod } from './pods.ts';
import { prepareLab } from './prepare-lab.ts';
import type { LabRequest } from './request.ts';
import type { LabSnapshot } from './snapshot.ts';
import { type LabState, updateState } from './state.ts';

const MATRIX_PATIENCE_MS = 10_000;
/** A WireGuard handshake that meets a peer which is not ready is repeated after five seconds, and both ends may meet so. */
const HANDSHAKE_PATIENCE_MS = 25_000;

/**
 * A lab from nothing to a Pod matrix; whether that is full is for `matrixFault` to say. What fails is a Fault and leaves
 * the lab as it is, for a look at it; when the signal is aborted everything is removed before the promise rejects.
 */
export async function createLab(request: LabRequest, control: LabControl): Promise<LabSnapshot> {
  const state = await prepareLab(request, control);
  return undoIfAborted(state.plan.name, control, () => weaveLab(state, control));
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
      // Docker daemons are a step of their own: each is a dozen processes for a moment.
      if (plan.pods !== 'docker') await startPod(state, host, control.signal);
    }),
  );
  const failures: unknown[] = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 0) throw gatherFailures(failures, total);
  if (plan.pods === 'docker') await startContainers(state, control);
  await routePods(plan);
  control.step(`${total * (total - 1)} Pod pairs`);
  return finishLab(plan.name, control.signal);
}

async function startContainers(state: LabState, control: LabControl): Promise<void> {
  const { hosts } = state.plan;
  const { podImageFile } = await import('./docker/pod-image.ts');
  control.step(`${hosts.length} docker daemons, a container each`);
  // Once, before all of them ask for it.
  await podImageFile(state.plan);
  await mapConcurrent(hosts, CONCURRENCY, async (host) => {
    control.signal.throwIfAborted();
    await startPod(state, host, control.signal);
  });
}

/** The lab is up: the matrix is taken, the picture is drawn. */
export async function finishLab(name: string, signal: AbortSignal): Promise<LabSnapshot> {
  const state = updateState(name, (now) => ({ ...now, phase: 'up' }));
  const patienceMs = state.plan.backend === 'wireguard' ? HANDSHAKE_PATIENCE_MS : MATRIX_PATIENCE_MS;
  const snapshot = await observeLab(state, await settleMatrices(state, patienceMs, signal));
  await writeFile(svgFile(state.plan), drawSvg(snapshot));
  return snapshot;
}

/** Where the picture of a lab is. */
export function svgFile(plan: LabPlan): string {
  return `${plan.directory}/lab.svg`;
}
