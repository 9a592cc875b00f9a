/**
 * The members of a cluster: which to ask next, and what may be asked again elsewhere. One that failed moves to the end
 * of the order, so it is tried last until others fail. Knows no protocol.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#runtime/fault.ts';
import { closedFault } from './faults.ts';
import type { Failure, Outcome } from './outcome.ts';

export interface Asked {
  /** What is asked, for messages: `put "/a"`. */
  readonly asked: string;
  /** Asking twice does no harm: the call may be made again though the first may have been acted on. */
  readonly repeatable: boolean;
}

/** Makes a call on one member: `connectMs` to be connected, `timeoutMs` over all. */
export type Attempt<Member, T> = (member: Member, connectMs: number, timeoutMs: number) => Promise<Outcome<T>>;

/** Between two rounds through all members. */
const ROUND_PAUSE_MS = 50;
/** With less time left, another round would end in nothing but time-outs. */
const SHORTEST_ROUND_MS = 100;

export class Failover<Member extends object> {
  readonly all: readonly Member[];
  #order: readonly Member[];
  #closed: boolean = false;

  /** `members` in the order of first use. */
  constructor(members: readonly Member[]) {
    this.all = members;
    this.#order = members;
  }

  /** The one to use now. */
  get first(): Member {
    const first = this.#order[0];
    if (first === undefined) throw new Error('a cluster has at least one endpoint');
    return first;
  }

  /** It did not serve: others first from now on. */
  demote(member: Member): void {
    this.#order = [...this.#order.filter((other) => other !== member), member];
  }

  /** Makes the call on one member after the other until one serves it; `timeoutMs` is over all of them. */
  async ask<T>(call: Asked, timeoutMs: number, attempt: Attempt<Member, T>): Promise<Outcome<T>> {
    const deadline = performance.now() + timeoutMs;
    const failures = new Map<Member, Failure>();
    for (;;) {
      const round = this.#order;
      for (const [index, member] of round.entries()) {
        const leftMs = deadline - performance.now();
        if (leftMs <= 0 && failures.size > 0) break;
        // A member that keeps silent must leave time for the others.
        const shareMs = Math.max(1, leftMs / (round.length - index));
        const outcome = await attempt(member, shareMs, call.repeatable ? shareMs : leftMs);
        if (outcome.type === 'ok' || outcome.kind === 'refused' || outcome.kind === 'stale-token') return outcome;
        if (this.#closed) return { type: 'failed', kind: 'unsent', fault: closedFault() };
        this.demote(member);
        if (outcome.kind === 'unknown' && !call.repeatable) return uncertain(outcome, call.asked);
        failures.set(member, moreTelling(failures.get(member), outcome));
      }
      const waitMs = ROUND_PAUSE_MS * (0.5 + Math.random());
      const worthIt = performance.now() + waitMs + SHORTEST_ROUND_MS < deadline;
      if (!worthIt || ![...failures.values()].some(mayPass)) return combined([...failures.values()]);
      await pause(waitMs);
    }
  }

  /** Calls under way end as they do; none goes to another member any more. */
  close(): void {
    this.#closed = true;
  }
}

/** That a last attempt had no time left says less than why earlier ones failed. */
function moreTelling(earlier: Failure | undefined, later: Failure): Failure {
  return earlier !== undefined && later.fault.code === 'etcd.timeout' ? earlier : later;
}

/** Members elect a leader in a second or so; one that cannot be reached, or is no etcd, stays so. */
function mayPass({ kind, fault }: Failure): boolean {
  return kind === 'leaderless' || fault.code === 'etcd.timeout' || fault.code === 'etcd.unavailable';
}

function uncertain(failure: Failure, asked: string): Failure {
  const { fault } = failure;
  const doubt = `${asked} may have been done or not`;
  return { ...failure, fault: reworded(fault, fault.why === undefined ? doubt : `${fault.why}; ${doubt}`) };
}

/** One Fault for a round in which every member failed: the most telling one, with the others in its `why`. */
function combined(failures: readonly Failure[]): Failure {
  const telling = failures.find((failure) => !/^etcd\.(tcp|dns|timeout)$/.test(failure.fault.code)) ?? failures[0];
  if (telling === undefined) throw new Error('a round has at least one failure');
  const others = failures.filter((failure) => failure !== telling);
  if (others.length === 0) return telling;
  const also = others.map(({ fault }) => `${fault.where ?? 'another'}: ${fault.why ?? fault.message}`).join('; ');
  const why = telling.fault.why === undefined ? '' : `${telling.fault.why}; `;
  return { ...telling, fault: reworded(telling.fault, `${why}no other endpoint served it either: ${also}`) };
}

function reworded(fault: Fault, why: string): Fault {
  const { code, message, where, remedy, cause } = fault;
  return new Fault(code, { what: message, why, remedy, cause, ...(where === undefined ? {} : { where }) });
}
