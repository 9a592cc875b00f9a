/** Transaction: a text that a program of the host takes as a whole or not at all, and why each part of it is there. */
import type { Purpose } from './flannel-rules.ts';
import type { IptablesVariant } from './observed.ts';
import type { Family } from './prefix.ts';

export type Transaction = IptablesTransaction | NftTransaction;

/** Input of `iptables-restore --noflush`; it is atomic per table. */
export interface IptablesTransaction {
  readonly type: 'iptables';
  readonly family: Family;
  readonly variant: IptablesVariant;
  readonly text: string;
  readonly changes: readonly Change[];
}

/** A script of `nft -f`. */
export interface NftTransaction {
  readonly type: 'nft';
  readonly text: string;
  readonly changes: readonly Change[];
}

/** One decision within a transaction. */
export type Change =
  | {
      readonly type: 'chain-write';
      readonly purpose: Purpose;
      readonly rules: number;
      readonly why: 'absent' | 'different';
    }
  | {
      readonly type: 'jump-write';
      readonly purpose: Purpose;
      readonly why: 'absent' | 'repeated' | 'different';
    }
  | { readonly type: 'former-delete'; readonly purpose: Purpose; readonly rule: string }
  /** Flushed only, when somebody else's rule leads to it. */
  | { readonly type: 'chain-delete'; readonly purpose: Purpose; readonly flushedOnly: boolean }
  | {
      readonly type: 'table-write';
      readonly family: Family;
      readonly rules: number;
      readonly why: 'absent' | 'different';
    }
  | { readonly type: 'table-delete'; readonly family: Family };
