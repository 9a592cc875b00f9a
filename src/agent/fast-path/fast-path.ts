/**
 * The fast path of this host: follows what the agent wants, the Pods that come and go, and the firewall; makes the kernel so,
 * and takes it all away when something stands against it. It is an addition: whatever goes wrong here, the ordinary path serves.
 *
 * Changes wake it. What the kernel announces to nobody (a program detached, a map written by somebody, a rule of
 * iptables-legacy, traffic control) is found by looking again every half minute.
 */
import type { FastPathReport } from '#agent/publish/status-report.ts';
import type { FastPathFabric, FastPathWish } from '#agent/reconcile/fast-path-wish.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import { findEndpoints, type PortPath } from './find-endpoints.ts';
import type { PathKernel } from './path-kernel.ts';
import { diffPath, operationText, samePath, type WantedPath } from './path-state.ts';

export interface FastPathOptions {
  /** Opened when the fast path is first wanted. */
  readonly openKernel: () => PathKernel;
  /** What objects in the host's firewall, a line each. */
  readonly lookAtFirewall: () => Promise<readonly string[]>;
  /** Calls `listener` when the firewall changes; returns what ends it. */
  readonly watchFirewall: (listener: () => void) => () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A Pod that starts is several changes. */
const SETTLE_MS = 50;
const LOOK_AGAIN_MS = 30_000;
/** kube-proxy may write rules all the time, and each look at them is three programs run. */
const FIREWALL_PAUSE_MS = 1_000;

export class FastPath {
  readonly #options: FastPathOptions;
  #kernel: PathKernel | undefined;
  #endWatches: readonly (() => void)[] = [];
  #wish: FastPathWish | undefined;
  #objections: readonly string[] | undefined;
  #wanted: WantedPath | undefined;
  #ports: readonly PortPath[] = [];
  /** Why it is not in use, as it was logged. */
  #refused: string | undefined;
  #running: Promise<void> | undefined;
  /** When something changed while it was at work. */
  #againIn = LOOK_AGAIN_MS;
  #firewallDirty = true;
  #firewallSeenAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake = (): void => undefined;

  constructor(options: FastPathOptions) {
    this.#options = options;
  }

  /** What is wanted from now on; undefined: it is not known yet. */
  follow(wish: FastPathWish | undefined): void {
    if (wish === undefined || sameWish(wish, this.#wish)) return;
    this.#wish = wish;
    this.#wakeIn(0);
  }

  report(): FastPathReport {
    const state = this.#wanted !== undefined ? 'on' : this.#refused === undefined ? 'starting' : 'refused';
    return {
      state,
      ...(this.#refused === undefined ? {} : { reason: this.#refused }),
      pods: this.#ports.map(({ device, addresses, obstacle }) => {
        const reason = state === 'on' ? obstacle : (this.#refused ?? 'it is not in place yet');
        const path = reason === undefined ? 'fast' : 'ordinary';
        return { device, addresses: addresses.map(formatIpv4), path, ...(reason === undefined ? {} : { reason }) };
      }),
      ...(this.#kernel === undefined ? {} : { counters: this.#kernel.counters() }),
    };
  }

  /** Detaches everything: without the agent nobody would follow the Pods and the firewall. A look under way changes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWake();
    for (const end of this.#endWatches) end();
    this.#kernel?.close();
    this.#kernel = undefined;
    this.#wanted = undefined;
  }

  /** An earlier time that is set already stays. */
  #wakeIn(ms: number): void {
    const { clock } = this.#options;
    if (this.#running !== undefined) {
      this.#againIn = Math.min(this.#againIn, ms);
      return;
    }
    const at = clock.now() + ms;
    if (this.#stopped || at >= this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = at;
    this.#cancelWake = clock.after(ms, () => this.#wake());
  }

  #wake(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#againIn = LOOK_AGAIN_MS;
    this.#running = this.#settle().finally(() => {
      this.#running = undefined;
      this.#wakeIn(this.#againIn);
    });
  }

  /** One look and what follows from it. */
  async #settle(): Promise<void> {
    const wish = this.#wish;
    if (wish === undefined) return;
    try {
      if ('refused' in wish) this.#take(undefined, [], wish.refused);
      else await this.#pursue(wish);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (!this.#stopped) this.#giveUp(error);
    }
  }

  async #pursue(wish: FastPathFabric): Promise<void> {
    const kernel = this.#opened();
    const objections = await this.#seeFirewall();
    if (this.#stopped) return;
    const { tunnel, obstacle, bridges } = kernel.lookAround(wish.subnet, wish.device);
    const { endpoints, ports } = findEndpoints(bridges, this.#wanted?.endpoints ?? [], kernel.room);
    const { network, subnet } = wish;
    const [objection] = objections;
    const refused =
      obstacle ?? (objection === undefined ? undefined : `the host's firewall would be passed by: ${objection}`);
    if (refused !== undefined) this.#take(undefined, ports, refused);
    else if (tunnel === undefined) this.#take(undefined, ports, `the device ${wish.device} is not there`);
    else this.#take({ fabric: { network, subnet, tunnel }, endpoints }, ports, undefined);
  }

  async #seeFirewall(): Promise<readonly string[]> {
    const now = this.#options.clock.now();
    const isSeen = !this.#firewallDirty && now - this.#firewallSeenAt < LOOK_AGAIN_MS;
    if (isSeen && this.#objections !== undefined) return this.#objections;
    this.#firewallDirty = false;
    this.#firewallSeenAt = now;
    const objections = await this.#options.lookAtFirewall();
    this.#objections = objections;
    return objections;
  }

  /** Makes the kernel so. */
  #take(wanted: WantedPath | undefined, ports: readonly PortPath[], refused: string | undefined): void {
    const { log } = this.#options;
    const operations = this.#kernel === undefined ? [] : diffPath(wanted, this.#kernel.observe());
    const isDrift = operations.length > 0 && wanted !== undefined && samePath(wanted, this.#wanted);
    this.#ports = ports;
    if (refused !== undefined && refused !== this.#refused) {
      log.warn('fast path not in use, the ordinary path serves', { why: refused });
    }
    this.#kernel?.apply(operations);
    if (wanted !== undefined && this.#wanted === undefined)
      log.info('fast path in use', { pods: wanted.endpoints.length });
    for (const operation of operations) {
      if (isDrift) log.warn('fast path was changed by somebody, repaired', { operation: operationText(operation) });
      else log.debug('fast path', { operation: operationText(operation) });
    }
    this.#wanted = wanted;
    this.#refused = refused;
  }

  /** Half a fast path would be worse than none. */
  #giveUp(fault: Fault): void {
    const { log } = this.#options;
    if (fault.summary !== this.#refused)
      log.warn('fast path not in use, the ordinary path serves', { why: fault.summary });
    for (const end of this.#endWatches) end();
    this.#endWatches = [];
    this.#kernel?.close();
    this.#kernel = undefined;
    this.#wanted = undefined;
    this.#refused = fault.summary;
  }

  #opened(): PathKernel {
    if (this.#kernel !== undefined) return this.#kernel;
    const kernel = this.#options.openKernel();
    this.#kernel = kernel;
    this.#endWatches = [
      kernel.watch(() => this.#wakeIn(SETTLE_MS)),
      this.#options.watchFirewall(() => {
        this.#firewallDirty = true;
        const rested = this.#firewallSeenAt + FIREWALL_PAUSE_MS - this.#options.clock.now();
        this.#wakeIn(Math.max(SETTLE_MS, rested));
      }),
    ];
    return kernel;
  }
}

function sameWish(a: FastPathWish, b: FastPathWish | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
