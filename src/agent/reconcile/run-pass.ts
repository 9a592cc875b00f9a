/** One pass: look at the kernel, compare, write the difference. The only caller of `Kernel.apply` in the agent. */
import type { RefusedLease } from '#agent/backends/backend.ts';
import { followUnderlay } from '#agent/config/follow-underlay.ts';
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import type { FailedOperation, Kernel } from '#agent/kernel/kernel.ts';
import { Fault } from '#runtime/fault.ts';
import type { PassResult } from './input.ts';
import { plan } from './plan.ts';
import { type CoreState, underlayRequest } from './state.ts';

/** A device that must be made takes two rounds: make it, then see what it is and what stands on it. */
const MOST_ROUNDS = 3;

/** `now` tells the time in milliseconds; `changes` were made by the engine before. */
export function runPass(kernel: Kernel, state: CoreState, now: () => number, changes = 0): PassResult {
  const startedAt = now();
  let planned = changes;
  const end = (
    blocked: Fault | undefined,
    failed: readonly FailedOperation[],
    refused: readonly RefusedLease[],
  ): PassResult => ({ planned, failed, refused, blocked, durationMs: now() - startedAt });

  const { ownership, underlay, network } = state;
  if (ownership === undefined || underlay === undefined || network === undefined) return end(undefined, [], []);
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const observed = kernel.observe(ownership);
    const moved = followUnderlay(underlay, underlayRequest(state, network.config), observed.links, observed.addresses);
    if (moved !== underlay) {
      const why = network.backend.refuseUnderlay(moved);
      if (why !== undefined) return end(new Fault('host.underlay', { what: why, where: moved.name }), [], []);
      const { links, addresses } = observed;
      return { ...end(undefined, [], []), moved: { underlay: moved, links, addresses } };
    }
    const { operations, refused, blocked } = plan(state, observed, ownership);
    if (blocked !== undefined) return end(blocked, [], refused);
    planned += operations.length;
    const { failed } = operations.length === 0 ? { failed: [] } : kernel.apply(operations);
    const vital = failed.find(({ operation }) => isDeviceOperation(operation) || operation.type === 'address-add');
    if (vital !== undefined) return end(vital.fault, failed, refused);
    if (!operations.some(isDeviceOperation)) return end(undefined, failed, refused);
  }
  const devices = network.backend.devices.join(', ');
  return end(
    new Fault('kernel.netlink', {
      what: `the device ${devices} does not keep its settings`,
      where: devices,
      why: 'another program (udev, a network manager) changes it back',
    }),
    [],
    [],
  );
}
