/** What a fault of the chaos run is, and what it may touch. */
import type { Etcd } from '#etcd/api.ts';
import type { HostPlan } from '#lab/plan.ts';
import type { LabState } from '#lab/state.ts';
import type { Random } from '../random.ts';

/**
 * `control`: nothing that carries packets is touched, and so no packet may be lost.
 * `data`: something that packets need is broken on one host; its flows are whole again within a second, all others all the time.
 * `cable`: a host is cut off and nobody can help that; its flows are whole again within two seconds after it is back.
 */
export type FaultKind = 'control' | 'data' | 'cable';

export interface Scene {
  /** Name of the lab. */
  readonly lab: string;
  readonly state: () => LabState;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Lets the fault last: a random number of milliseconds between the two; the least of them in a short run. */
  readonly hold: (least: number, most: number) => Promise<void>;
  /** The lab's etcd from outside, whichever member serves. */
  readonly withEtcd: <Result>(work: (etcd: Etcd) => Promise<Result>) => Promise<Result>;
  /** A command inside a host, with the lab's variables; it has to succeed. Gives its standard output. */
  readonly run: (host: HostPlan, ...argv: readonly string[]) => Promise<string>;
}

export interface Inflicted {
  /** What exactly: `host2`, `the leader, etcd1, for 1.2 s`. */
  readonly detail: string;
  /** The host whose flows may be disturbed; absent when none may. */
  readonly host?: HostPlan;
  /** CLOCK_MONOTONIC in milliseconds from which on it can be healed; default: when the fault began. */
  readonly healableFromMs?: number;
  /** Puts right what is not the fabric's to put right, once the outcome is known. */
  readonly clear?: () => Promise<unknown>;
}

export interface ChaosFault {
  readonly name: string;
  readonly kind: FaultKind;
  readonly summary: string;
  /** Breaks it; for a fault that ends by itself (a pause, a cut), ends it as well. */
  readonly inflict: (scene: Scene) => Promise<Inflicted>;
}
