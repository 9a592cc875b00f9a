/**
 * The endpoints of a cluster: which to ask next, and what may be asked again elsewhere. One that failed moves to the end
 * of the order, so it is tried last until others fail.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type Connection, closedFault } from './connection.ts';
import { type CallContext, type CallRequest, callOnce } from './grpc-call.ts';
import type { Failure, Outcome } from './outcome.ts';
import type { Session } from './session.ts';

export interface Call<T> extends CallRequest<T> {
  /** Asking twice does no harm: the call may be made again though the first may have been acted on. */
  readonly repeatable: boolean;
}

/** Between two rounds through all members. */
const ROUND_PAUSE_MS = 50;
/** With less time left, another round would end in nothing but time-outs. */
const SHORTEST_ROUND_MS = 100;

export class Endpoints {
  readonly all: readonly Connection[];
  #order: readonly Connection[];
  #closed: boolean = false;

  /** `connections` in the order of first use. */
  constructor(connections: readonly Connection[]) {
    this.all = connections;
    this.#order = connections;
  }

  /** The one to use now. */
  get first(): Connection {
    const first = this.#order[0];
    if (first === undefined) throw new Error('a cluster has at least one endpoint');
    return first;
  }

  /** It did not serve: others first from now on. */
  demote(connection: Connection): void {
    this.#order = [...this.#order.filter((other) => other !== connection), connection];
  }

  /** Makes the call on one member after the other until one serves it; `timeoutMs` is over all of them. */
  async call<T>(call: Call<T>, context: CallContext, timeoutMs: number): Promise<Outcome<T>> {
    const deadline = monotonicMs() + timeoutMs;
    const failures = new Map<Connection, Failure>();
    for (;;) {
      const round = this.#order;
      for (const [index, connection] of round.entries()) {
        const leftMs = deadline - monotonicMs();
        if (leftMs <= 0 && failures.size > 0) break;
        // A member that keeps silent must leave time for the others.
        const shareMs = Math.max(1, leftMs / (round.length - index));
        const outcome = await this.attempt(connection, call, context, shareMs, call.repeatable ? shareMs : leftMs);
        if (outcome.type === 'ok' || outcome.kind === 'refused' || outcome.kind === 'stale-token') return outcome;
        if (this.#closed) return { type: 'failed', kind: 'unsent', fault: closedFault() };
        this.demote(connection);
        if (outcome.kind === 'unknown' && !call.repeatable) return uncertain(outcome, call);
        failures.set(connection, moreTelling(failures.get(connection), outcome));
      }
      const waitMs = ROUND_PAUSE_MS * (0.5 + Math.random());
      const worthIt = monotonicMs() + waitMs + SHORTEST_ROUND_MS < deadline;
      if (!worthIt || ![...failures.values()].some(mayPass)) return combined([...failures.values()]);
      await pause(waitMs);
    }
  }

  /** Makes the call on one member only. */
  async attempt<T>(
    connection: Connection,
    call: CallRequest<T>,
    context: CallContext,
    connectMs: number,
    timeoutMs: number,
  ): Promise<Outcome<T>> {
    const begunMs = monotonicMs();
    let session: Session;
    try {
      session = await within(connection, connectMs);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { type: 'failed', kind: 'unsent', fault: error };
    }
    return callOnce(session, call, context, Math.max(1, timeoutMs - (monotonicMs() - begunMs)));
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.all) connection.close();
  }
}

/** The connection's session, if it is there in time. */
function within(connection: Connection, limitMs: number): Promise<Session> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const what = `no connection to etcd within ${Math.round(limitMs)} ms`;
      reject(new Fault('etcd.timeout', { what, where: connection.endpoint.url }));
    }, limitMs);
    connection
      .session()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** That a last attempt had no time left says less than why earlier ones failed. */
function moreTelling(earlier: Failure | undefined, later: Failure): Failure {
  return earlier !== undefined && later.fault.code === 'etcd.timeout' ? earlier : later;
}

/** Members elect a leader in a second or so; one that cannot be reached, or is no etcd, stays so. */
function mayPass({ kind, fault }: Failure): boolean {
  return kind === 'leaderless' || fault.code === 'etcd.timeout' || fault.code === 'etcd.unavailable';
}

function uncertain(failure: Failure, call: Call<unknown>): Failure {
  const { fault } = failure;
  const doubt = `${call.asked} may have been done or not`;
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
