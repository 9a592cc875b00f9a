/** The connections to a cluster over gRPC: a call goes to one after the other until it is served. */
import { monotonicMs } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Connection } from './connection.ts';
import { type Asked, Failover } from './failover.ts';
import { type CallContext, type CallRequest, callOnce } from './grpc-call.ts';
import type { Outcome } from './outcome.ts';
import type { Session } from './session.ts';

export interface Call<T> extends CallRequest<T>, Asked {}

export class Endpoints extends Failover<Connection> {
  /** Makes the call on one member after the other until one serves it; `timeoutMs` is over all of them. */
  call<T>(call: Call<T>, context: CallContext, timeoutMs: number): Promise<Outcome<T>> {
    return this.ask(call, timeoutMs, (connection, connectMs, callMs) =>
      this.attempt(connection, call, context, connectMs, callMs),
    );
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

  override close(): void {
    super.close();
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
