/**
 * The driver: performs what the core asks for and feeds the outcomes back. One input at a time; nothing is decided here.
 */

import type { Engine, EngineName, OpenEngines } from '#agent/backends/engine.ts';
import type { AgentCache, AgentCacheStore } from '#agent/cache/agent-cache.ts';
import type { Kernel } from '#agent/kernel/kernel.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import type { FabricReport, FastPathReport } from '#agent/publish/status-report.ts';
import { StatusReporter } from '#agent/publish/status-reporter.ts';
import { admitPeers } from '#agent/reconcile/admit-peers.ts';
import { type Decision, handle } from '#agent/reconcile/core.ts';
import { type FastPathWish, fastPathWish } from '#agent/reconcile/fast-path-wish.ts';
import type { Action, Input, PassResult } from '#agent/reconcile/input.ts';
import { engineWork } from '#agent/reconcile/plan.ts';
import { LEASE_TTL_SECONDS } from '#agent/reconcile/renewal.ts';
import { type ReportDetail, reportOf } from '#agent/reconcile/report.ts';
import { type EngineOutcome, runPass } from '#agent/reconcile/run-pass.ts';
import { type CoreSettings, type CoreState, newCoreState } from '#agent/reconcile/state.ts';
import type { Traffic } from '#agent/traffic/traffic.ts';
import type { Ip } from '#model/ip.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import { LeaseWork } from './lease-work.ts';
import { Relief } from './relief.ts';

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
  const leases = new LeaseWork({ store, clock, log, random: options.random });
  const relief = new Relief(clock, options.relieve);
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
        follow(
          leases.acquire(action),
          (result) => ({ type: 'acquired', result }),
          (fault) => ({ type: 'acquire-failed', fault }),
        );
        break;
      case 'watch':
        // Queued: what goes wrong here is none of the watch's business.
        endWatch = store.watch(action.afterRevision, (event) => queueMicrotask(() => hear({ type: 'leases', event })));
        break;
      case 'renew':
        follow(
          leases.renew(action),
          (lease) => ({ type: 'renewed', lease }),
          (fault) => ({ type: 'renew-failed', fault }),
        );
        break;
      case 'release-twin':
        follow(
          leases.releaseTwin(action.twin),
          (outcome) => ({ type: 'twin-done', twin: action.twin, outcome }),
          (fault) => ({ type: 'twin-failed', fault }),
        );
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
        relief.soon();
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
    if (result.planned > 0) relief.worked();
    if (state.admitted.length >= LARGE_PASS) relief.soon();
    return result;
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

  const saveCache = (contents: AgentCache): void => {
    const work = options.cache?.write(contents) ?? Promise.resolve();
    saved = work.catch(() => undefined);
    follow(
      work,
      () => {
        if (contents.peers.length >= LARGE_PASS) relief.soon();
        return { type: 'cache-saved' };
      },
      (fault) => ({ type: 'cache-not-saved', fault }),
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
      relief.stop();
      status.stop();
      endWatch();
      leases.stop();
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
