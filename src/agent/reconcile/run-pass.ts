/** One pass: look at the kernel, compare, write the difference. The only caller of `Kernel.apply` in the agent. */
import { followUnderlay } from '#agent/config/follow-underlay.ts';
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import type { FailedOperation, Kernel } from '#agent/kernel/kernel.ts';
import { objectName } from '#agent/kernel/object-name.ts';
import type { Observed, Operation, SysctlOperation } from '#agent/kernel/state.ts';
import { Fault } from '#runtime/fault.ts';
import { admitPeers } from './admit-peers.ts';
import { countOperations } from './counters.ts';
import { DriftGatherer } from './drift-text.ts';
import { HoldBack } from './hold-back.ts';
import type { PassResult } from './input.ts';
import { plan } from './plan.ts';
import { type CoreState, underlayRequest } from './state.ts';
import { driftFilter, isFoundation, reconciledBy } from './wanted-change.ts';

/** A device that must be made takes two rounds: make it, then see what it is and what stands on it. */
const MOST_ROUNDS = 3;
const MOST_UNFINISHED = 1000;

type Outcome = Omit<PassResult, 'durationMs' | 'planned' | 'drifted' | 'drift' | 'switched' | 'held'>;

/** What the engine of the backend did before the pass, if there is one. */
export interface EngineOutcome {
  readonly changes?: number;
  /** It began before there was a lease, so that it does not know the peers yet. */
  readonly beforeLease?: boolean;
  /** Why it could not do its part; then only the underlay is followed, which may be the cause. */
  readonly engineFault?: Fault;
}

export interface PassOptions {
  /** Time in milliseconds. */
  readonly now: () => number;
  /** Nothing remembered of the kernel counts. */
  readonly fresh?: boolean;
  readonly engine?: EngineOutcome;
}

/** What the rounds of a pass add up to. */
interface Sum {
  planned: number;
  drifted: number;
  readonly drift: DriftGatherer;
  readonly switched: SysctlOperation[];
  readonly holdBack: HoldBack;
}

/** A kernel that does not answer blocks the pass; it is made again. */
export function runPass(
  kernel: Kernel,
  state: CoreState,
  { now, fresh = false, engine = {} }: PassOptions,
): PassResult {
  const startedAt = now();
  const holdBack = new HoldBack(state.fights, startedAt);
  const sum: Sum = { planned: engine.changes ?? 0, drifted: 0, drift: new DriftGatherer(), switched: [], holdBack };
  const outcome = attempt(kernel, state, { fresh, engine, sum });
  const { planned, drifted, drift, switched } = sum;
  const result = { ...outcome, planned, drifted, drift: drift.drift, switched, held: [...holdBack.held] };
  return { ...result, durationMs: now() - startedAt };
}

interface Attempt {
  readonly fresh: boolean;
  readonly engine: EngineOutcome;
  readonly sum: Sum;
}

function attempt(kernel: Kernel, state: CoreState, how: Attempt): Outcome {
  try {
    return rounds(kernel, state, how);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return blockedBy(error);
  }
}

function rounds(kernel: Kernel, state: CoreState, { fresh, engine, sum }: Attempt): Outcome {
  const { changes = 0, beforeLease = false, engineFault } = engine;
  const { ownership, underlay, network } = state;
  if (ownership === undefined || underlay === undefined || network === undefined) {
    return { failed: [], refused: [], blocked: undefined };
  }
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const isStale = round === 1 && (fresh || changes > 0 || engineFault !== undefined);
    const observed = kernel.observe(ownership, isStale);
    const moved = followUnderlay(underlay, underlayRequest(state, network.config), observed.links, observed.addresses);
    if (moved !== underlay) {
      const why = network.backend.refuseUnderlay(moved);
      if (why !== undefined) return blockedBy(new Fault('host.underlay', { what: why, where: moved.name }));
      const { links, addresses } = observed;
      return { failed: [], refused: [], blocked: undefined, moved: { underlay: moved, links, addresses } };
    }
    if (engineFault !== undefined) return blockedBy(engineFault);
    admitPeers(state, observed);
    if (round === 1) countEngine(state, observed, changes, sum);
    const { operations, refused, blocked, wanted } = plan(state, observed, ownership, sum.holdBack);
    if (blocked !== undefined) return { failed: [], refused, blocked };
    sum.planned += operations.length;
    countOperations(state.counters, operations);
    const { failed } = operations.length === 0 ? { failed: [] } : kernel.apply(operations);
    countDrift(state, observed, operations, failed, sum);
    const vital = failed.find(({ operation }) => isDeviceOperation(operation) || operation.type === 'address-add');
    if (vital !== undefined) return { failed, refused, blocked: vital.fault };
    if (operations.some(isDeviceOperation)) continue;
    if (failed.length === 0 && wanted !== undefined) kernel.remember?.(wanted);
    if (!beforeLease) {
      state.reconciled = reconciledBy(state, observed.hostRoutes);
      // What the kernel refuses again and again must not keep drift from being told.
      state.unfinished = new Set(failed.slice(0, MOST_UNFINISHED).map(({ operation }) => objectName(operation)));
    }
    return { failed, refused, blocked: undefined, ...(beforeLease ? { beforeLease } : {}) };
  }
  const where = network.backend.devices.join(', ');
  const why = 'another program (udev, a network manager) changes it back';
  return blockedBy(new Fault('kernel.netlink', { what: `the device ${where} does not keep its settings`, where, why }));
}

function countEngine(state: CoreState, { hostRoutes }: Observed, changes: number, sum: Sum): void {
  if (changes === 0 || driftFilter(state, hostRoutes) !== 'all') return;
  sum.drifted += changes;
  sum.drift.engine(changes);
}

function countDrift(
  state: CoreState,
  observed: Observed,
  operations: readonly Operation[],
  failed: readonly FailedOperation[],
  sum: Sum,
): void {
  if (operations.length === 0) return;
  const filter = driftFilter(state, observed.hostRoutes);
  const refused = new Set(failed.map(({ operation }) => operation));
  if (filter === 'none') {
    for (const operation of operations) {
      if (operation.type === 'sysctl-set' && !refused.has(operation)) sum.switched.push(operation);
    }
    return;
  }
  const { unfinished } = state;
  const drifted = operations.filter(
    (operation) =>
      (filter === 'all' || isFoundation(operation)) &&
      (unfinished.size === 0 || !unfinished.has(objectName(operation))),
  );
  if (drifted.length === 0) return;
  sum.drifted += drifted.length;
  sum.drift.add(
    drifted.filter((operation) => !refused.has(operation)),
    observed,
  );
}

function blockedBy(blocked: Fault): Outcome {
  return { failed: [], refused: [], blocked };
}
