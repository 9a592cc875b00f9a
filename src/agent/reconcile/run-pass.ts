/** One pass: look at the kernel, compare, write the difference. The only caller of `Kernel.apply` in the agent. */
import { followUnderlay } from '#agent/config/follow-underlay.ts';
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import type { Kernel } from '#agent/kernel/kernel.ts';
import { Fault } from '#runtime/fault.ts';
import { admitPeers } from './admit-peers.ts';
import { countOperations } from './counters.ts';
import type { PassResult } from './input.ts';
import { plan } from './plan.ts';
import { type CoreState, underlayRequest } from './state.ts';

/** A device that must be made takes two rounds: make it, then see what it is and what stands on it. */
const MOST_ROUNDS = 3;

type Outcome = Omit<PassResult, 'durationMs'>;

/** What the engine of the backend did before the pass, if there is one. */
export interface EngineOutcome {
  readonly changes?: number;
  /** Why it could not do its part; then only the underlay is followed, which may be the cause. */
  readonly engineFault?: Fault;
}

/** `now` tells the time in milliseconds. A kernel that does not answer blocks the pass; it is made again. */
export function runPass(kernel: Kernel, state: CoreState, now: () => number, engine: EngineOutcome = {}): PassResult {
  const startedAt = now();
  return { ...attempt(kernel, state, engine), durationMs: now() - startedAt };
}

function attempt(kernel: Kernel, state: CoreState, engine: EngineOutcome): Outcome {
  try {
    return rounds(kernel, state, engine);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return blockedBy(error, engine.changes ?? 0);
  }
}

function rounds(kernel: Kernel, state: CoreState, { changes = 0, engineFault }: EngineOutcome): Outcome {
  const { ownership, underlay, network } = state;
  let planned = changes;
  if (ownership === undefined || underlay === undefined || network === undefined) {
    return { planned, failed: [], refused: [], blocked: undefined };
  }
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const isStale = round === 1 && (changes > 0 || engineFault !== undefined);
    const observed = kernel.observe(ownership, isStale);
    const moved = followUnderlay(underlay, underlayRequest(state, network.config), observed.links, observed.addresses);
    if (moved !== underlay) {
      const why = network.backend.refuseUnderlay(moved);
      if (why !== undefined) return blockedBy(new Fault('host.underlay', { what: why, where: moved.name }), planned);
      const { links, addresses } = observed;
      return { planned, failed: [], refused: [], blocked: undefined, moved: { underlay: moved, links, addresses } };
    }
    if (engineFault !== undefined) return blockedBy(engineFault, planned);
    admitPeers(state, observed);
    const { operations, refused, blocked } = plan(state, observed, ownership);
    if (blocked !== undefined) return { planned, failed: [], refused, blocked };
    planned += operations.length;
    countOperations(state.counters, operations);
    const { failed } = operations.length === 0 ? { failed: [] } : kernel.apply(operations);
    const vital = failed.find(({ operation }) => isDeviceOperation(operation) || operation.type === 'address-add');
    if (vital !== undefined) return { planned, failed, refused, blocked: vital.fault };
    if (!operations.some(isDeviceOperation)) return { planned, failed, refused, blocked: undefined };
  }
  const where = network.backend.devices.join(', ');
  const why = 'another program (udev, a network manager) changes it back';
  return blockedBy(
    new Fault('kernel.netlink', { what: `the device ${where} does not keep its settings`, where, why }),
    planned,
  );
}

function blockedBy(blocked: Fault, planned: number): Outcome {
  return { planned, failed: [], refused: [], blocked };
}
