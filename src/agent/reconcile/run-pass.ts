/** One pass: look at the kernel, compare, write the difference. The only caller of `Kernel.apply` in the agent. */
import type { RefusedLease } from '#agent/backends/backend.ts';
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import type { FailedOperation, Kernel } from '#agent/kernel/kernel.ts';
import { Fault } from '#runtime/fault.ts';
import { admitPeers } from './admit-peers.ts';
import type { PassResult } from './input.ts';
import { plan } from './plan.ts';
import type { CoreState } from './state.ts';

/** A device that must be made takes two rounds: make it, then see what it is and what stands on it. */
const MOST_ROUNDS = 3;

interface Outcome {
  readonly planned: number;
  readonly failed: readonly FailedOperation[];
  readonly refused: readonly RefusedLease[];
  readonly blocked: Fault | undefined;
}

/** `now` tells the time in milliseconds. A kernel that does not answer blocks the pass; it is made again. */
export function runPass(kernel: Kernel, state: CoreState, now: () => number): PassResult {
  const startedAt = now();
  return { ...attempt(kernel, state), durationMs: now() - startedAt };
}

function attempt(kernel: Kernel, state: CoreState): Outcome {
  try {
    return rounds(kernel, state);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { planned: 0, failed: [], refused: [], blocked: error };
  }
}

function rounds(kernel: Kernel, state: CoreState): Outcome {
  const device = state.network?.backend.device;
  if (device === undefined) return { planned: 0, failed: [], refused: [], blocked: undefined };
  let planned = 0;
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const observed = kernel.observe([device]);
    admitPeers(state, observed);
    const { operations, refused, blocked } = plan(state, observed);
    if (blocked !== undefined) return { planned, failed: [], refused, blocked };
    planned += operations.length;
    const { failed } = operations.length === 0 ? { failed: [] } : kernel.apply(operations);
    const vital = failed.find(({ operation }) => isDeviceOperation(operation) || operation.type === 'address-add');
    if (vital !== undefined) return { planned, failed, refused, blocked: vital.fault };
    if (!operations.some(isDeviceOperation)) return { planned, failed, refused, blocked: undefined };
  }
  const what = `the device ${device} does not keep its settings`;
  const why = 'another program (udev, a network manager) changes it back';
  return { planned, failed: [], refused: [], blocked: new Fault('kernel.netlink', { what, where: device, why }) };
}
