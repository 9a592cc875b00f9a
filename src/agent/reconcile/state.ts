/**
 * What the agent knows and what it is doing about it. The core owns this value and changes it in place: ten thousand
 * leases are not copied for each event. Nothing outside src/agent/reconcile touches it.
 */
import type { Backend, HostIdentity, Underlay } from '#agent/backends/backend.ts';
import type { UnderlayRequest, UnderlayWish } from '#agent/config/choose-underlay.ts';
import type { HostNetwork } from '#agent/kernel/kernel.ts';
import type { Ownership } from '#agent/kernel/ownership.ts';
import type { RefusedLease } from '#agent/leases/admission.ts';
import { DepartedPeers, type WithdrawRules } from '#agent/leases/departed-peers.ts';
import { PeerView } from '#agent/leases/peer-view.ts';
import type { LeaseSnapshot } from '#agent/leases/store.ts';
import type { Fabric } from '#firewall/desired.ts';
import { FAMILIES, type Family } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import type { Mac } from '#model/mac.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { Fault } from '#runtime/fault.ts';
import { type CacheSettings, type CacheState, newCacheState } from './cache-state.ts';
import { type Counters, newCounters } from './counters.ts';
import { type DriftCounters, newDriftCounters } from './drift.ts';
import { type Effort, newEffort } from './effort.ts';
import type { Fights } from './fights.ts';
import type { PassResult } from './input.ts';
import { newSweep, type Sweep } from './sweep.ts';
import type { Reconciled } from './wanted-change.ts';

/** What the operator asked for, and chance: two agents with equal settings behave alike. */
export interface CoreSettings extends UnderlayWish {
  readonly renewMarginMs: number;
  /** How long a peer is kept whose key is gone. */
  readonly withdraw: WithdrawRules;
  /** What must be added to the time that never jumps for milliseconds since 1970. */
  readonly wallOffsetMs: number;
  /** What the firewall is to do. */
  readonly traffic: TrafficSettings;
  /** Networks and subnets in the file that an earlier run left. */
  readonly former: readonly Fabric[];
  /** Whether packets to Pods of ours that are no more are dropped here. */
  readonly blackhole: boolean;
  /** Subnets in the file that an earlier run left. */
  readonly previous: SubnetKey | undefined;
  /** How what is known is kept on disk; absent: it is not. */
  readonly cache?: CacheSettings;
  /** The operator's word that another subnet may be taken when another host has the one that Pods run in. */
  readonly acceptNewSubnet?: boolean;
  /** MACs for devices that have none yet. */
  readonly randomMacs: { readonly [family in Family]: Mac };
  /** How often everything is looked at afresh, in milliseconds; 0: never. */
  readonly sweepMs: number;
  /** Whether forwarding and what else the fabric needs of the kernel is switched on. */
  readonly manageSysctls: boolean;
  /** From 0 to 1, this agent's own: spreads renewals and retries over the fleet. */
  readonly spread: number;
}

export interface TrafficSettings {
  readonly masquerade: boolean;
  readonly forward: boolean;
  readonly fullyRandom: boolean;
  readonly compatNft: boolean;
}

export interface CoreState {
  readonly settings: CoreSettings;
  network: { readonly config: NetworkConfig; readonly backend: Backend } | undefined;
  /** What was listed at the start; given up once there is a lease. */
  snapshot: LeaseSnapshot | undefined;
  host: HostNetwork | undefined;
  underlay: Underlay | undefined;
  /** What is ours in the kernel; follows from network and underlay. */
  ownership: Ownership | undefined;
  /** Undefined until the backend's engine is open, if it has one. */
  engine: { readonly published: string | undefined } | undefined;
  identity: HostIdentity | undefined;
  own: Lease | undefined;
  /** Since when this process holds a lease. */
  heldSince: number | undefined;
  /** When our key was last written by us; undefined once somebody else has written it. */
  writtenAt: number | undefined;
  /** When our key must have been renewed; Infinity for a reservation. */
  renewAt: number;
  /** The subnet is another host's in the store, we hold it on this host alone; `freed`: the other's key went since. */
  contested: 'no' | 'yes' | 'freed';
  /** How often of late somebody else wrote our key. */
  readonly claims: { count: number; lastAt: number; atRevision: number };
  readonly view: PeerView;
  /** Records of others' subnets that name this host, by subnet: which of them are given up is decided in twins.ts. */
  readonly twins: Map<string, Lease>;
  /** Peers whose keys are gone and that are programmed all the same. */
  readonly departed: DepartedPeers;
  /** Of those, the ones that a pass let go of since they were last told of. */
  superseded: Lease[];
  /** The view changed since `admitted` was made of it. */
  viewChanged: boolean;
  /** Leases that passed admission; what a pass programs. */
  admitted: readonly Lease[];
  /** Leases that did not. */
  refused: readonly RefusedLease[];
  /** Leases whose backend data the last pass could not use. */
  refusedByBackend: PassResult['refused'];
  /** The host's addresses that admission went by. */
  admittedWith: string | undefined;
  /** Leases refused last, by subnet with the reason, so that each is reported once. */
  readonly refusals: { admission: ReadonlyMap<string, string>; backend: ReadonlyMap<string, string> };
  /** Unusable records already reported, by key with the reason. */
  readonly rejections: Map<string, string>;
  /** What was last logged as failing, by message. */
  readonly troubles: Map<string, { readonly code: string; readonly at: number }>;
  /** The network document as it was read. */
  document: string | undefined;
  /** What the service manager was told last. */
  status: string | undefined;
  /** The newest fault, in one sentence. */
  lastFault: string | undefined;
  /** Since when the store's watch is cut. */
  storeLostAt: number | undefined;
  /** Why it is. */
  storeFault: Fault | undefined;
  watching: boolean;
  /** Something changed since the last pass began. */
  dirty: boolean;
  /** What has drifted since the start, in figures. */
  readonly drift: DriftCounters;
  /** What the last complete pass was made from: other operations than follow from a change of it are drift. */
  reconciled: Reconciled | undefined;
  /** Names of what the last pass was refused: it is tried again, and is no drift. */
  unfinished: ReadonlySet<string>;
  /** What the firewall was last made to be. */
  firewallReconciled: string | undefined;
  /** Who was heard to change something since the last pass, of the kernel and of the firewall. */
  causers: { kernel: readonly string[]; firewall: readonly string[] };
  /** What another program changes back again and again. */
  readonly fights: Fights;
  readonly sweep: Sweep;
  /** Sysctls that could not be set: not tried again before a reload. */
  readonly givenUpSysctls: Set<string>;
  /** A pass has found or made our device right: its MAC may be published. */
  deviceStands: boolean;
  /** A pass has programmed the own lease and all peers known: the subnet may be handed out. */
  programmed: boolean;
  published: string | undefined;
  ready: boolean;
  readonly counters: Counters;
  readonly load: Effort;
  readonly choose: Effort;
  readonly open: Effort;
  readonly pass: Effort;
  readonly acquire: Effort;
  readonly renew: Effort;
  readonly publish: Effort;
  readonly firewall: Effort;
  readonly release: Effort;
  readonly cache: CacheState;
  /** The rules may differ from what is wanted. */
  firewallDirty: boolean;
  /** All places were looked at once, other modes and variants too. */
  firewallSurveyed: boolean;
  /** The rules were made, or it was said why not. */
  firewallSettled: boolean;
}

/** What the interface is chosen by. */
export function underlayRequest({ settings }: CoreState, config: NetworkConfig): UnderlayRequest {
  return { ...settings, families: FAMILIES.filter((family) => config[family] !== undefined) };
}

export function newCoreState(settings: CoreSettings): CoreState {
  return {
    settings,
    network: undefined,
    snapshot: undefined,
    host: undefined,
    underlay: undefined,
    ownership: undefined,
    engine: undefined,
    identity: undefined,
    own: undefined,
    heldSince: undefined,
    writtenAt: undefined,
    renewAt: Number.POSITIVE_INFINITY,
    contested: 'no',
    claims: { count: 0, lastAt: Number.NEGATIVE_INFINITY, atRevision: 0 },
    view: new PeerView(),
    twins: new Map(),
    departed: new DepartedPeers(settings.withdraw),
    superseded: [],
    viewChanged: false,
    admitted: [],
    refused: [],
    refusedByBackend: [],
    admittedWith: undefined,
    refusals: { admission: new Map(), backend: new Map() },
    rejections: new Map(),
    troubles: new Map(),
    document: undefined,
    status: undefined,
    lastFault: undefined,
    storeLostAt: undefined,
    storeFault: undefined,
    watching: false,
    dirty: false,
    drift: newDriftCounters(),
    reconciled: undefined,
    unfinished: new Set(),
    firewallReconciled: undefined,
    causers: { kernel: [], firewall: [] },
    fights: new Map(),
    sweep: newSweep(),
    givenUpSysctls: new Set(),
    deviceStands: false,
    programmed: false,
    published: undefined,
    ready: false,
    counters: newCounters(),
    load: newEffort(),
    choose: newEffort(),
    open: newEffort(),
    pass: newEffort(),
    acquire: newEffort(),
    renew: newEffort(),
    publish: newEffort(),
    firewall: newEffort(),
    release: newEffort(),
    cache: newCacheState(),
    firewallDirty: true,
    firewallSurveyed: false,
    firewallSettled: false,
  };
}
