/**
 * SystemFirewall: the host's own firewall, by iptables-save, iptables-restore and nft. Nothing runs at idle: changes are
 * announced by the kernel. The legacy variant of iptables has no announcements, and only where it is live a timer wakes.
 */
import { type Clock, systemClock } from '#runtime/clock.ts';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { watchNftables } from './events.ts';
import type { Firewall, FirewallScope } from './firewall.ts';
import { type IptablesTool, readLive, requireTool, surveyIptables } from './iptables-survey.ts';
import { applyNft, listNft, type NftTool, surveyNft } from './nft-tool.ts';
import type { ObservedFirewall, ObservedIptables, ObservedNft } from './observed.ts';
import { FAMILIES, type Family } from './prefix.ts';
import { missingTool, type Run, refusedByTool, runTool } from './tool.ts';
import type { IptablesTransaction, Transaction } from './transaction.ts';

export interface SystemFirewallOptions {
  /** How often legacy rules are looked at, which nobody announces (`-iptables-resync`); default 5,000. */
  readonly resyncMs?: number;
  readonly clock?: Clock;
  /** Default runs in the process's own network namespace. */
  readonly run?: Run;
  /** Path of the network namespace whose events are watched; default is the process's own. */
  readonly namespace?: string;
}

const DEFAULT_RESYNC_MS = 5_000;
/** Another program's change comes as many announcements. */
const SETTLE_MS = 50;
const MOST_CAUSERS = 3;
/** How long iptables-restore waits for the lock that the programs of the legacy variant share. */
const LOCK_WAIT_SECONDS = 10;
/** Exit code of iptables for a lock or resource that is taken. */
const RESOURCE_PROBLEM = 4;

export class SystemFirewall implements Firewall {
  readonly #run: Run;
  readonly #clock: Clock;
  readonly #resyncMs: number;
  readonly #namespace: string | undefined;
  readonly #tools = new Map<string, IptablesTool>();
  readonly #live = new Map<Family, IptablesTool>();
  readonly #watchers = new Set<Watcher>();
  #nft: NftTool | undefined;
  #polled = false;

  constructor(options: SystemFirewallOptions = {}) {
    this.#run = options.run ?? runCommand;
    this.#clock = options.clock ?? systemClock;
    this.#resyncMs = options.resyncMs ?? DEFAULT_RESYNC_MS;
    this.#namespace = options.namespace;
  }

  async read(scope: FirewallScope): Promise<ObservedFirewall> {
    for (const watcher of this.#watchers) watcher.settle();
    const [iptables, nft] = await Promise.all([this.#readIptables(scope), this.#readNft(scope)]);
    const live = scope.mode === 'iptables' ? iptables.filter((entry) => entry.live) : [];
    this.#polled = live.some(({ variant }) => variant === 'legacy');
    for (const watcher of this.#watchers) watcher.poll(this.#polled);
    return { iptables, nft };
  }

  apply(transaction: Transaction): Promise<void> {
    return transaction.type === 'nft' ? applyNft(this.#run, transaction.text) : this.#restore(transaction);
  }

  watch(listener: (by: readonly string[]) => void): () => void {
    const watcher = new Watcher(listener, this.#clock, this.#resyncMs);
    const stopEvents = this.#watchEvents(watcher);
    this.#watchers.add(watcher);
    watcher.poll(this.#polled);
    return () => {
      stopEvents();
      watcher.stop();
      this.#watchers.delete(watcher);
    };
  }

  async #readIptables({ mode, families, extent }: FirewallScope): Promise<readonly ObservedIptables[]> {
    const needed = mode === 'iptables' ? families : [];
    const looked = extent === 'everywhere' ? FAMILIES : needed;
    const read = looked.map(async (family) => {
      const known = extent === 'live' ? this.#live.get(family) : undefined;
      if (known !== undefined) return [await readLive(this.#run, known)];
      return this.#survey(family, needed.includes(family));
    });
    return (await Promise.all(read)).flat();
  }

  /** What a family that is not needed cannot tell is not worth a failure. */
  async #survey(family: Family, needed: boolean): Promise<readonly ObservedIptables[]> {
    const survey = await surveyIptables(this.#run, family).catch((error: unknown) => {
      if (needed || !(error instanceof Fault)) throw error;
      return undefined;
    });
    if (needed) this.#live.set(family, requireTool(survey?.live, family));
    for (const tool of survey?.tools ?? []) this.#tools.set(toolKey(family, tool.variant), tool);
    return survey?.observed ?? [];
  }

  async #readNft({ mode, families, extent }: FirewallScope): Promise<readonly ObservedNft[]> {
    const needed = mode === 'nftables';
    if (!needed && extent === 'live') return [];
    if (needed && (extent === 'everywhere' || this.#nft === undefined)) {
      this.#nft = await surveyNft(this.#run);
      if (this.#nft === undefined) throw missingTool('nft');
    }
    const supportsFullyRandom = this.#nft?.supportsFullyRandom ?? false;
    const looked = extent === 'everywhere' ? FAMILIES : families;
    const tables = await Promise.all(looked.map((family) => this.#listNft(family, supportsFullyRandom, needed)));
    return tables.filter((entry) => entry !== undefined);
  }

  async #listNft(family: Family, supportsFullyRandom: boolean, needed: boolean): Promise<ObservedNft | undefined> {
    try {
      return await listNft(this.#run, family, supportsFullyRandom);
    } catch (error) {
      if (needed || !(error instanceof Fault)) throw error;
      return undefined;
    }
  }

  async #restore(transaction: IptablesTransaction): Promise<void> {
    const tool = this.#tools.get(toolKey(transaction.family, transaction.variant));
    if (tool === undefined) throw new Error('a transaction for a variant that was never read');
    const argv = [tool.restore, '--noflush', ...(tool.modern ? [`--wait=${LOCK_WAIT_SECONDS}`] : [])];
    const output = await runTool(this.#run, argv, 'write the firewall rules', transaction.text);
    if (output === undefined) throw missingTool(tool.restore);
    if (output.code === 0) return;
    if (output.code === RESOURCE_PROBLEM && /xtables lock/.test(output.stderr)) {
      const why = output.stderr.trim().slice(0, 300);
      throw new Fault('firewall.busy', {
        what: 'another program holds the lock of iptables',
        where: tool.restore,
        why,
      });
    }
    throw refusedByTool(argv, output, 'iptables refused the rules');
  }

  /** A kernel without nftables has no events, and nothing that they would be about. */
  #watchEvents(watcher: Watcher): () => void {
    try {
      return watchNftables((by) => watcher.touch(by), this.#namespace);
    } catch (error) {
      if (error instanceof Fault && error.code === 'kernel.netlink') return () => {};
      throw error;
    }
  }
}

function toolKey(family: Family, variant: string): string {
  return `${variant} ${family}`;
}

/** One listener with its timers. */
class Watcher {
  readonly #listener: (by: readonly string[]) => void;
  readonly #clock: Clock;
  readonly #resyncMs: number;
  #cancelWake: (() => void) | undefined;
  #cancelPoll: (() => void) | undefined;
  #by: readonly string[] = [];

  constructor(listener: (by: readonly string[]) => void, clock: Clock, resyncMs: number) {
    this.#listener = listener;
    this.#clock = clock;
    this.#resyncMs = resyncMs;
  }

  /** Something changed: the listener is told when the burst is over. */
  touch(by: string | undefined): void {
    if (by !== undefined && this.#by.length < MOST_CAUSERS && !this.#by.includes(by)) this.#by = [...this.#by, by];
    this.#cancelWake ??= this.#clock.after(SETTLE_MS, () => {
      this.#cancelWake = undefined;
      const who = this.#by;
      this.#by = [];
      this.#listener(who);
    });
  }

  /** A read begins, which will see all that has changed so far. */
  settle(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#by = [];
  }

  /** Starts or ends waking once per period; a read starts the period anew. */
  poll(on: boolean): void {
    this.#cancelPoll?.();
    this.#cancelPoll = on ? this.#clock.after(this.#resyncMs, () => this.#due()) : undefined;
  }

  #due(): void {
    this.poll(true);
    this.#listener([]);
  }

  stop(): void {
    this.settle();
    this.poll(false);
  }
}
