/** What the core hears (Input) and what it asks for (Action). Outcomes of actions come back as inputs. */

import type { RefusedLease, Underlay } from '#agent/backends/backend.ts';
import type { EngineName } from '#agent/backends/engine.ts';
import type { AgentCache } from '#agent/cache/agent-cache.ts';
import type { FailedOperation, HostNetwork } from '#agent/kernel/kernel.ts';
import type { SysctlOperation } from '#agent/kernel/state.ts';
import type { AcquiredLease } from '#agent/leases/acquire.ts';
import type { LeaseEvent, LeaseSnapshot } from '#agent/leases/store.ts';
import type { DesiredFirewall } from '#firewall/desired.ts';
import type { FirewallOutcome } from '#firewall/outcome.ts';
import type { Ip } from '#model/ip.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { Fault } from '#runtime/fault.ts';
import type { LogFields, LogLevel } from '#runtime/log.ts';
import type { CacheInput } from './absorb-cache.ts';
import type { Drift } from './drift.ts';

/** What a pass over the kernel found and did. */
export interface PassResult {
  /** Operations planned: 0 when nothing differed. */
  readonly planned: number;
  /** The part of it that no change of what we want explains. */
  readonly drifted: number;
  readonly drift: Drift | undefined;
  /** Sysctls that were set for the first time, not because somebody set them back. */
  readonly switched: readonly SysctlOperation[];
  /** Objects that were found wrong and left alone, since another program fights over them. */
  readonly held: readonly string[];
  readonly failed: readonly FailedOperation[];
  /** Leases whose backend data cannot be used. */
  readonly refused: readonly RefusedLease[];
  /** Why the pass could not be made, or why our own device or address does not stand. */
  readonly blocked: Fault | undefined;
  readonly durationMs: number;
  /** The engine began its part before there was a lease. */
  readonly beforeLease?: boolean;
  /** The interface between the hosts has changed: nothing was done yet. */
  readonly moved?: { readonly underlay: Underlay } & Pick<HostNetwork, 'links' | 'addresses'>;
}

/** `lost`: somebody else wrote or deleted it meanwhile; `others`: nothing shows that this machine wrote it. */
export type TwinOutcome = 'released' | 'lost' | 'others';

export type Input =
  | { readonly type: 'start' }
  | { readonly type: 'loaded'; readonly document: string | undefined; readonly snapshot: LeaseSnapshot }
  | { readonly type: 'load-failed'; readonly fault: Fault }
  | { readonly type: 'host'; readonly host: HostNetwork }
  | { readonly type: 'engine-opened'; readonly published: string | undefined }
  | { readonly type: 'engine-failed'; readonly fault: Fault }
  | { readonly type: 'host-failed'; readonly fault: Fault }
  | { readonly type: 'passed'; readonly result: PassResult }
  /** Something of ours in the kernel or in the engine, or the interface between the hosts. */
  | { readonly type: 'kernel-changed'; readonly by?: string }
  | { readonly type: 'acquired'; readonly result: AcquiredLease }
  | { readonly type: 'acquire-failed'; readonly fault: Fault }
  | { readonly type: 'leases'; readonly event: LeaseEvent }
  /** Our key written anew, by renewal or after it had vanished. */
  | { readonly type: 'renewed'; readonly lease: Lease }
  | { readonly type: 'renew-failed'; readonly fault: Fault }
  | { readonly type: 'twin-done'; readonly twin: Lease; readonly outcome: TwinOutcome }
  | { readonly type: 'twin-failed'; readonly fault: Fault }
  | { readonly type: 'firewall-done'; readonly outcome: FirewallOutcome }
  | { readonly type: 'firewall-failed'; readonly fault: Fault }
  | { readonly type: 'firewall-changed'; readonly by?: readonly string[] }
  | { readonly type: 'published'; readonly text: string }
  | { readonly type: 'publish-failed'; readonly fault: Fault }
  /** SIGHUP: look again at what can be looked at again. */
  | { readonly type: 'reload' }
  | { readonly type: 'reread'; readonly document: string | undefined }
  | { readonly type: 'reread-failed'; readonly fault: Fault }
  | CacheInput
  | { readonly type: 'wake' };

export type Action =
  | { readonly type: 'load' }
  /** With the route to `reach`, when the operator named an address. */
  | { readonly type: 'read-host'; readonly reach: Ip | undefined }
  | { readonly type: 'open-engine'; readonly engine: EngineName; readonly network: NetworkConfig }
  /** `fresh`: nothing remembered counts. */
  | { readonly type: 'pass'; readonly fresh: boolean }
  | {
      readonly type: 'acquire';
      readonly network: NetworkConfig;
      readonly attributes: LeaseAttributes;
      readonly previous: SubnetKey | undefined;
      /** Pods run in the previous subnet. */
      readonly held: boolean;
      /** Our record as the cache has it. */
      readonly recorded: Lease | undefined;
      readonly hostAddresses: readonly Ip[];
      readonly snapshot: LeaseSnapshot | undefined;
    }
  | { readonly type: 'watch'; readonly afterRevision: number }
  /** Renews our key, or claims the same subnet again when the key is gone; never another subnet. */
  | { readonly type: 'renew'; readonly lease: Lease; readonly attributes: LeaseAttributes }
  /** Gives up an older record, if this machine wrote it. */
  | { readonly type: 'release-twin'; readonly twin: Lease }
  | { readonly type: 'firewall'; readonly desired: DesiredFirewall; readonly extent: 'live' | 'everywhere' }
  | { readonly type: 'publish'; readonly text: string }
  | { readonly type: 'reread' }
  | { readonly type: 'read-cache' }
  | { readonly type: 'save-cache'; readonly contents: AgentCache }
  | { readonly type: 'ready'; readonly status: string }
  | { readonly type: 'status'; readonly status: string }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly fields?: LogFields };
