/** What the agent has done since its start, in numbers that only grow: for monitors, which see rates in them. */
import type { Operation } from '#agent/kernel/state.ts';
import type { Input } from './input.ts';

export interface Counters {
  /** Looks at the kernel that came to an end. */
  passes: number;
  /** Those of them after which something was not as it should be. */
  passesFailed: number;
  passMs: number;
  /** Operations handed to the kernel, by kind, refused ones too. */
  readonly operations: Map<Operation['type'], number>;
  operationsRefused: number;
  renewals: number;
  renewalsFailed: number;
  /** How often the store's watch was cut. */
  storeInterruptions: number;
  firewallRuns: number;
  firewallRunsFailed: number;
}

export function newCounters(): Counters {
  return {
    passes: 0,
    passesFailed: 0,
    passMs: 0,
    operations: new Map(),
    operationsRefused: 0,
    renewals: 0,
    renewalsFailed: 0,
    storeInterruptions: 0,
    firewallRuns: 0,
    firewallRunsFailed: 0,
  };
}

export function countInput(counters: Counters, input: Input): void {
  switch (input.type) {
    case 'passed': {
      const { blocked, failed, durationMs } = input.result;
      counters.passes += 1;
      counters.passMs += durationMs;
      counters.operationsRefused += failed.length;
      if (blocked !== undefined || failed.length > 0) counters.passesFailed += 1;
      break;
    }
    case 'renewed':
      counters.renewals += 1;
      break;
    case 'renew-failed':
      counters.renewalsFailed += 1;
      break;
    case 'leases':
      if (input.event.type === 'interrupted') counters.storeInterruptions += 1;
      break;
    case 'firewall-done':
    case 'firewall-failed':
      counters.firewallRuns += 1;
      if (input.type === 'firewall-failed') counters.firewallRunsFailed += 1;
      break;
    default:
  }
}

export function countOperations({ operations }: Counters, planned: readonly Operation[]): void {
  for (const { type } of planned) operations.set(type, (operations.get(type) ?? 0) + 1);
}
