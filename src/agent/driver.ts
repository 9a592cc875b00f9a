/**
 * The driver: performs what the core asks for and feeds the outcomes back. One input at a time; nothing is decided here.
 */

import type { Engine, EngineName, OpenEngines } from '#agent/backends/engine.ts';
import type { AgentCache, AgentCacheStore } from '#agent/cache/agent-cache.ts';
import type { Kernel } from '#agent/kernel/kernel.ts';
import { type AcquiredLease, type AcquireRequest, acquireLease } from '#agent/leases/acquire.ts';
import { HostGuard } from '#agent/leases/host-guard.ts';
import { keepLease } from '#agent/leases/keep-lease.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import type { FabricReport, FastPathReport } from '#agent/publish/status-report.ts';
import { StatusReporter } from '#agent/publish/status-reporter.ts';
import { admitPeers } from '#agent/reconcile/admit-peers.ts';
import { type Decision, handle } from '#agent/reconcile/core.ts';
import { type FastPathWish, fastPathWish } from '#agent/reconcile/fast-path-wish.ts';
import type { Action, Input, PassResult, TwinOutcome } from '#agent/reconcile/input.ts';
import { engineWork } from '#agent/reconcile/plan.ts';
import { LEASE_TTL_SECONDS } from '#agent/reconcile/renewal.ts';
import { type ReportDetail, reportOf } from '#agent/reconcile/report.ts';
import { type EngineOutcome, runPass } from '#agent/reconcile/run-pass.ts';
import { type CoreSettings, type CoreState, newCoreState } from '#agent/reconcile/state.ts';
import type { Traffic } from '#agent/traffic/traffic.ts';
import type { Ip } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';

export interface DriverOptions {
  readonly settings: CoreSettings;
  readonly kernel: Kernel;
  /** How the engines of those backends are opened that have one. */
  readonly engines?: OpenEngines;
  readonly store: LeaseStore;
  /** Used when the settings say how. */
  readonly cache?: AgentCacheStore;
  readonly traffic: Traffic;
  /** Present with `-fast-path bpf`. */
  readonly fastPath?: FastPathFollower;
  readonly clock: Clock;
  readonly log: Log;
  /** Writes the subnet file; throws a Fault. */
  readonly publish: (text: string) => void;
  /** Tells the service manager. */
  readonly notify: (text: string) => void;
  readonly random: () => number;
  /** Gives memory back that a large piece of work has left unused. */
  readonly relieve: () => void;
  /** Is told of each input when it has been decided upon; for simulations. */
  readonly trace?: (step: CoreStep) => void;
}

/** What carries Pod to Pod traffic past the bridge and the firewall, when it may (agent/fast-path/). */
export interface FastPathFollower {
  follow(wish: FastPathWish | undefined): void;
  report(): FastPathReport;
  stop(): Promise<void>;
}

/** One call of the core. */
export interface CoreStep {
  readonly input: Input;
  readonly decision: Decision;
  readonly state: CoreState;
  /** Inputs that wait behind it. */
  readonly waiting: number;
}

/** A pass over this many peers, and the start itself, leave enough garbage behind to be collected early. */
const LARGE_PASS = 1000;
const QUIET_BEFORE_RELIEF_MS = 1000;
/** How long the end waits for an engine and a file at work. */
const LONGEST_END_MS = 1000;

export interface Driver {
  /** What is known and done at this moment. */
  report(detail: ReportDetail): FabricReport;
  /** Looks again at the network document, the interfaces, the kernel and the rules. */
  reload(): void;
  /** Ends every wait; the data plane is left as it is. */
  stop(): Promise<void>;
}

export function startDriver(options: DriverOptions): Driver {
  const { kernel, store, clock, log } = options;
  const state = newCoreState(options.settings);
  const waiting: Input[] = [];
  const guard = new HostGuard({ store, clock, log });
  const status = new StatusReporter({ notify: options.notify, clock });
  let busy = false;
  let stopped = false;
  let cancelWake = (): void => undefined;
  let endWatch = (): void => undefined;
  let engine: Engine | undefined;
  /** Settles when the engine is not at work. */
  let converged: Promise<unknown> = Promise.resolve();
  /** Settles when the cache is not being written. */
  let saved: Promise<unknown> = Promise.resolve();
  let cancelRelief = (): void => undefined;
  /** When a pass last had something to do. */
  let workedAt = Number.NEGATIVE_INFINITY;

  const hear = (input: Input): void => {
    if (stopped) return;
    waiting.push(input);
    if (busy) return;
    busy = true;
    try {
      let wakeAt = Number.POSITIVE_INFINITY;
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const decision = handle(state, next, clock.now());
        wakeAt = decision.wakeAt;
        options.trace?.({ input: next, decision, state, waiting: waiting.length });
        for (const action of decision.actions) perform(action);
      }
      options.fastPath?.follow(fastPathWish(state));
      cancelWake();
      cancelWake = wakeAt === Number.POSITIVE_INFINITY ? () => undefined : clock.after(wakeAt - clock.now(), wake);
    } finally {
      busy = false;
    }
  };
  const wake = (): void => hear({ type: 'wake' });

  const perform = (action: Action): void => {
    switch (action.type) {
      case 'load':
        load();
        break;
      case 'read-host':
        readHost(action.reach);
        break;
      case 'open-engine':
        openEngine(action.engine, action.network);
        break;
      case 'pass':
        pass(action.fresh);
        break;
      case 'acquire':
        acquire(action);
        break;
      case 'watch':
        // Queued: what goes wrong here is none of the watch's business.
        endWatch = store.watch(action.afterRevision, (event) => queueMicrotask(() => hear({ type: 'leases', event })));
        break;
      case 'renew':
        renew(action);
        break;
      case 'release-twin':
        releaseTwin(action.twin);
        break;
      case 'firewall':
        follow(
          options.traffic.reconcile(action.desired, action.extent),
          (outcome) => ({ type: 'firewall-done', outcome }),
          (fault) => ({ type: 'firewall-failed', fault }),
        );
        break;
      case 'publish':
        publish(action.text);
        break;
      case 'reread':
        follow(
          store.config(),
          (document) => ({ type: 'reread', document }),
          (fault) => ({ type: 'reread-failed', fault }),
        );
        break;
      case 'read-cache':
        follow(
          options.cache?.read() ?? Promise.resolve(undefined),
          (found) => ({ type: 'cache-read', found }),
          (fault) => ({ type: 'cache-refused', fault }),
        );
        break;
      case 'save-cache':
        saveCache(action.contents);
        break;
      case 'status':
        status.update(action.status);
        break;
      case 'ready':
        status.ready(action.status);
        relieveSoon();
        break;
      case 'log':
        log[action.level](action.message, action.fields);
        break;
    }
  };

  /** An operating error comes back as an input; a programmer's error crashes. */
  const follow = <T>(work: Promise<T>, done: (value: T) => Input, failed: (fault: Fault) => Input): void => {
    work.then(
      (value) => hear(done(value)),
      (error: unknown) => {
        // What is cut off by the end is nobody's business any more.
        if (stopped) return;
        if (!(error instanceof Fault)) throw error;
        hear(failed(error));
      },
    );
  };

  const openEngine = (name: EngineName, network: NetworkConfig): void => {
    const open = async (): Promise<Engine> => {
      const opened = await options.engines?.[name]?.(network);
      if (opened === undefined) throw new Fault('backend.unknown', { what: `this program has no engine ${name}` });
      return opened;
    };
    const done = (opened: Engine): Input => {
      if (stopped) void opened.close();
      else {
        engine = opened;
        opened.watch(() => hear({ type: 'kernel-changed' }));
      }
      return { type: 'engine-opened', published: opened.identity };
    };
    follow(open(), done, (fault) => ({ type: 'engine-failed', fault }));
  };

  const readHost = (reach: Ip | undefined): void => {
    try {
      hear({ type: 'host', host: kernel.host(reach) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      hear({ type: 'host-failed', fault: error });
    }
  };

  /** The engine first: what it makes is what addresses and routes are put on. */
  const pass = (fresh: boolean): void => {
    if (engine === undefined) {
      hear({ type: 'passed', result: passOverKernel(fresh) });
      return;
    }
    const converging = engine;
    const beforeLease = state.own === undefined;
    const converge = async (): Promise<number> => {
      // The engine must know the same peers as the kernel, or it would let go of those it has.
      admitPeers(state, kernel.host());
      const work = engineWork(state);
      return work === undefined ? 0 : converging.converge(work);
    };
    const work = converge();
    converged = work.catch(() => undefined);
    follow(
      work,
      (changes) => ({ type: 'passed', result: passOverKernel(fresh, { changes, beforeLease }) }),
      (engineFault) => ({ type: 'passed', result: passOverKernel(fresh, { engineFault }) }),
    );
  };

  const passOverKernel = (fresh: boolean, engineWorked: EngineOutcome = {}): PassResult => {
    const result = runPass(kernel, state, { now: () => clock.now(), fresh, engine: engineWorked });
    if (result.planned > 0) workedAt = clock.now();
    if (state.admitted.length >= LARGE_PASS) relieveSoon();
    return result;
  };

  const relieveSoon = (): void => {
    cancelRelief();
    cancelRelief = clock.after(QUIET_BEFORE_RELIEF_MS, () => {
      // Collecting takes as long as many passes: never in the middle of a burst.
      if (clock.now() - workedAt < QUIET_BEFORE_RELIEF_MS) relieveSoon();
      else options.relieve();
    });
  };

  const load = (): void => {
    // All three leave together, so that a first lease costs one round trip more, not three.
    store.prepareGrant(LEASE_TTL_SECONDS);
    follow(
      Promise.all([store.config(), store.list()]),
      ([document, snapshot]) => ({ type: 'loaded', document, snapshot }),
      (fault) => ({ type: 'load-failed', fault }),
    );
  };

  const acquire = (action: Action & { readonly type: 'acquire' }): void => {
    const request: AcquireRequest = {
      store,
      network: action.network,
      attributes: action.attributes,
      ...(action.previous === undefined ? {} : { previous: action.previous }),
      held: action.held,
      ...(action.recorded === undefined ? {} : { recorded: action.recorded }),
      hostAddresses: action.hostAddresses,
      ttlSeconds: LEASE_TTL_SECONDS,
      random: options.random,
      sleep: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
      isOthers: (lease) => guard.isOthers(lease),
    };
    let { snapshot } = action;
    const acquireOnce = (): Promise<AcquiredLease> => {
      const given = snapshot;
      // Another machine was waited for meanwhile: peers may have come that a pass over the old listing would withdraw.
      snapshot = undefined;
      return acquireLease({ ...request, ...(given === undefined ? {} : { snapshot: given }) });
    };
    follow(
      guard.protect(action.attributes, acquireOnce),
      (result) => {
        guard.hold(result.lease.attributes, result.lease.modified);
        return { type: 'acquired', result };
      },
      (fault) => ({ type: 'acquire-failed', fault }),
    );
  };

  const saveCache = (contents: AgentCache): void => {
    const work = options.cache?.write(contents) ?? Promise.resolve();
    saved = work.catch(() => undefined);
    follow(
      work,
      () => {
        if (contents.peers.length >= LARGE_PASS) relieveSoon();
        return { type: 'cache-saved' };
      },
      (fault) => ({ type: 'cache-not-saved', fault }),
    );
  };

  const renew = ({ lease, attributes }: Action & { readonly type: 'renew' }): void => {
    follow(
      guard.protect(attributes, () =>
        keepLease(store, lease, attributes, LEASE_TTL_SECONDS, (found) => guard.isOthers(found)),
      ),
      (kept) => {
        guard.hold(kept.attributes, kept.modified);
        return { type: 'renewed', lease: kept };
      },
      (fault) => ({ type: 'renew-failed', fault }),
    );
  };

  const releaseTwin = (twin: Lease): void => {
    const release = async (): Promise<TwinOutcome> => ((await guard.isOurs(twin)) ? store.release(twin) : 'others');
    follow(
      release(),
      (outcome) => ({ type: 'twin-done', twin, outcome }),
      (fault) => ({ type: 'twin-failed', fault }),
    );
  };

  const publish = (text: string): void => {
    try {
      options.publish(text);
      hear({ type: 'published', text });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      hear({ type: 'publish-failed', fault: error });
    }
  };

  const endKernelWatch = kernel.watch(
    () => state.ownership,
    (by) => hear({ type: 'kernel-changed', ...(by === undefined ? {} : { by }) }),
  );
  options.traffic.watch((by) => hear({ type: 'firewall-changed', by }));
  hear({ type: 'start' });

  return {
    report: (detail) => ({
      ...reportOf(state, detail),
      ...(options.fastPath !== undefined && { fastPath: options.fastPath.report() }),
    }),
    reload: () => hear({ type: 'reload' }),
    async stop() {
      stopped = true;
      cancelWake();
      cancelRelief();
      status.stop();
      endWatch();
      guard.stop();
      endKernelWatch();
      options.traffic.close();
      await options.fastPath?.stop();
      await Promise.race([
        Promise.all([converged, saved]),
        new Promise<void>((done) => clock.after(LONGEST_END_MS, done)),
      ]);
      await engine?.close();
    },
  };
}
