/**
 * MemoryFirewall: the strict fake of the Firewall seam. It is a host with both variants of iptables and with nft, or with what
 * a test leaves of them; it refuses what they refuse and prints what they print.
 */
import { Fault } from '#runtime/fault.ts';
import type { Firewall, FirewallScope } from './firewall.ts';
import { chooseVariant } from './iptables-survey.ts';
import { MemoryNft, NftRefusal } from './memory-nft.ts';
import { MemoryXtables, XtablesRefusal } from './memory-xtables.ts';
import { IPTABLES_VARIANTS, type IptablesVariant, type ObservedFirewall, type ObservedIptables } from './observed.ts';
import { FAMILIES, type Family } from './prefix.ts';
import { readIptablesSave } from './read-iptables-save.ts';
import { readNftTable } from './read-nft-table.ts';
import { missingTool } from './tool.ts';
import type { Transaction } from './transaction.ts';

export interface MemoryFirewallOptions {
  /** What `iptables` is; `none` when iptables is not installed. Default `nft`. */
  readonly iptables?: IptablesVariant | 'none';
  /** Whether nft is installed; default true. */
  readonly nft?: boolean;
  /** Whether the programs know random source ports; default true. */
  readonly supportsFullyRandom?: boolean;
}

export class MemoryFirewall implements Firewall {
  readonly #options: Required<MemoryFirewallOptions>;
  readonly #xtables = new Map<string, MemoryXtables>();
  readonly #nft = new MemoryNft();
  readonly #live = new Map<Family, IptablesVariant>();
  readonly #listeners = new Set<(by: readonly string[]) => void>();
  /** Transactions taken by apply(): a test sees whether anything was written. */
  written = 0;

  constructor(options: MemoryFirewallOptions = {}) {
    this.#options = { iptables: 'nft', nft: true, supportsFullyRandom: true, ...options };
  }

  async read(scope: FirewallScope): Promise<ObservedFirewall> {
    const everywhere = scope.extent === 'everywhere';
    const needsNft = scope.mode === 'nftables';
    if (needsNft && !this.#options.nft) throw missingTool('nft');
    const nftFamilies = everywhere ? FAMILIES : needsNft ? scope.families : [];
    const families = everywhere ? FAMILIES : needsNft ? [] : scope.families;
    return {
      iptables: families.flatMap((family) => this.#readIptables(family, scope)),
      nft: this.#options.nft ? nftFamilies.map((family) => this.#readNft(family)) : [],
    };
  }

  async apply(transaction: Transaction): Promise<void> {
    if (transaction.type === 'nft') this.nft(transaction.text);
    else this.restore(transaction.variant, transaction.family, transaction.text);
    this.written += 1;
  }

  watch(listener: (by: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What `iptables-restore --noflush` does with this input; Fault `firewall.refused`. */
  restore(variant: IptablesVariant, family: Family, text: string): void {
    refusing(() => this.#table(variant, family).restore(text));
    // Nobody announces changes of the legacy tables.
    if (variant === 'nft') this.#wake();
  }

  /** What `nft` does with this script; Fault `firewall.refused`. */
  nft(script: string): void {
    refusing(() => this.#nft.apply(script));
    this.#wake();
  }

  /** As `iptables-save` prints it, without comment lines and counters. */
  saved(variant: IptablesVariant, family: Family): string {
    return this.#table(variant, family).save();
  }

  /** As `iptables -t TABLE -S` prints it. */
  listed(variant: IptablesVariant, family: Family, table: string): string {
    return this.#table(variant, family).list(table);
  }

  /** As `nft list table` prints it; undefined when there is none. */
  nftListed(family: Family): string | undefined {
    return this.#nft.list(family);
  }

  #readIptables(family: Family, scope: FirewallScope): readonly ObservedIptables[] {
    const { iptables, supportsFullyRandom } = this.#options;
    if (iptables === 'none') {
      if (scope.mode === 'iptables' && scope.families.includes(family)) throw missingTool('iptables');
      return [];
    }
    const saved = IPTABLES_VARIANTS.map((variant) => ({
      variant,
      rules: readIptablesSave(this.saved(variant, family), 'memory'),
    }));
    const known = scope.extent === 'live' ? this.#live.get(family) : undefined;
    const live = known ?? chooseVariant(iptables, new Map(saved.map(({ variant, rules }) => [variant, rules.others])));
    if (live !== undefined) this.#live.set(family, live);
    return saved
      .filter(({ variant }) => known === undefined || variant === known)
      .map(({ variant, rules }) => ({ family, variant, live: variant === live, supportsFullyRandom, ...rules }));
  }

  #readNft(family: Family): ObservedFirewall['nft'][number] {
    const text = this.#nft.list(family);
    const table = text === undefined ? undefined : readNftTable(text, 'memory');
    return { family, table, supportsFullyRandom: this.#options.supportsFullyRandom };
  }

  #table(variant: IptablesVariant, family: Family): MemoryXtables {
    const key = `${variant} ${family}`;
    const table = this.#xtables.get(key) ?? new MemoryXtables();
    this.#xtables.set(key, table);
    return table;
  }

  #wake(): void {
    for (const listener of this.#listeners) queueMicrotask(() => listener(['nft (pid 12)']));
  }
}

function refusing(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof XtablesRefusal || error instanceof NftRefusal)) throw error;
    throw new Fault('firewall.refused', { what: 'the firewall refused the rules', why: error.message, cause: error });
  }
}
