/** LeaseWork: the round trips about the own lease, each under the guard that tells this machine from others with its address. */
import { type AcquiredLease, type AcquireRequest, acquireLease } from '#agent/leases/acquire.ts';
import { HostGuard } from '#agent/leases/host-guard.ts';
import { keepLease } from '#agent/leases/keep-lease.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import type { Action, TwinOutcome } from '#agent/reconcile/input.ts';
import { LEASE_TTL_SECONDS } from '#agent/reconcile/renewal.ts';
import type { Lease } from '#model/lease.ts';
import type { Clock } from '#runtime/clock.ts';
import type { Log } from '#runtime/log.ts';

export interface LeaseWorkOptions {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** What is asked of it rejects with a Fault when it cannot be done. */
export class LeaseWork {
  readonly #options: LeaseWorkOptions;
  readonly #guard: HostGuard;

  constructor(options: LeaseWorkOptions) {
    this.#options = options;
    this.#guard = new HostGuard(options);
  }

  async acquire(action: Action & { readonly type: 'acquire' }): Promise<AcquiredLease> {
    const { store, clock, random } = this.#options;
    const request: AcquireRequest = {
      store,
      network: action.network,
      attributes: action.attributes,
      ...(action.previous === undefined ? {} : { previous: action.previous }),
      held: action.held,
      ...(action.recorded === undefined ? {} : { recorded: action.recorded }),
      hostAddresses: action.hostAddresses,
      ttlSeconds: LEASE_TTL_SECONDS,
      random,
      sleep: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
      isOthers: (lease) => this.#guard.isOthers(lease),
    };
    let { snapshot } = action;
    const acquired = await this.#guard.protect(action.attributes, () => {
      const given = snapshot;
      // Another machine was waited for meanwhile: peers may have come that a pass over the old listing would withdraw.
      snapshot = undefined;
      return acquireLease({ ...request, ...(given === undefined ? {} : { snapshot: given }) });
    });
    this.#hold(acquired.lease);
    return acquired;
  }

  async renew({ lease, attributes }: Action & { readonly type: 'renew' }): Promise<Lease> {
    const kept = await this.#guard.protect(attributes, () =>
      keepLease(this.#options.store, lease, attributes, LEASE_TTL_SECONDS, (found) => this.#guard.isOthers(found)),
    );
    this.#hold(kept);
    return kept;
  }

  /** Releases an older lease of this host, unless it is another machine's. */
  async releaseTwin(twin: Lease): Promise<TwinOutcome> {
    return (await this.#guard.isOurs(twin)) ? this.#options.store.release(twin) : 'others';
  }

  stop(): void {
    this.#guard.stop();
  }

  #hold({ attributes, modified }: Lease): void {
    this.#guard.hold(attributes, modified);
  }
}
