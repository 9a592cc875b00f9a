/** One pass: look at the kernel, compare, write the difference. The only caller of `Kernel.apply` in the agent. */
import type { RefusedLease } from '#agent/backends/backend.ts';
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import type { FailedOperation, Kernel } from '#agent/kernel/kernel.ts';
import { Fault } from '#runtime/fault.ts';
import type { PassResult } from './input.ts';
import { plan } from './plan.ts';
import type { CoreState } from './state.ts';

/** A device that must be made takes two rounds: make it, then see what it is and what stands on it. */
const MOST_ROUNDS = 3;

/** `now` tells the time in milliseconds. */
export function runPass(kernel: Kernel, state: CoreState, now: () => number): PassResult {
  const startedAt = now();
  let planned = 0;
  const end = (
    blocked: Fault | undefined,
    failed: readonly FailedOperation[],
    refused: readonly RefusedLease[],
  ): PassResult => ({ planned, failed, refused, blocked, durationMs: now() - startedAt });

  const device = state.network?.backend.device;
  if (device === undefined) return end(undefined, [], []);
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const { operations, refused, blocked } = plan(state, kernel.observe([device]));
    if (blocked !== undefined) return end(blocked, [], refused);
    planned += operations.length;
    const { failed } = operations.length === 0 ? { failed: [] } : kernel.apply(operations);
    const vital = failed.find(({ operation }) => isDeviceOperation(operation) || operation.type === 'address-add');
    if (vital !== undefined) return end(vital.fault, failed, refused);
    if (!operations.some(isDeviceOperation)) return end(undefined, failed, refused);
  }
  const what = `the device ${device} does not keep its settings`;
  return end(
    new Fault('kernel.netlink', {
      what,
      where: device,
      why: 'another program (udev, a network manager) changes it back',
    }),
    [],
    [],
  );
}
