/** Makes calls with the user's token, logging in again once when etcd has forgotten it. */
import { monotonicMs } from '#runtime/clock.ts';
import type { Connection } from './connection.ts';
import type { Call, Endpoints } from './endpoints.ts';
import type { CallRequest } from './grpc-call.ts';
import type { Outcome } from './outcome.ts';
import type { Tokens } from './tokens.ts';

export class Caller {
  readonly endpoints: Endpoints;
  readonly tokens: Tokens;
  readonly timeoutMs: number;

  constructor(endpoints: Endpoints, tokens: Tokens, timeoutMs: number) {
    this.endpoints = endpoints;
    this.tokens = tokens;
    this.timeoutMs = timeoutMs;
  }

  /** The answer, or throws a Fault. `wantsLeader` is false for what a member may answer out of its own store. */
  async call<T>(call: Call<T>, wantsLeader = true): Promise<T> {
    const deadline = monotonicMs() + this.timeoutMs;
    const token = await this.tokens.get();
    const outcome = await this.#attempt(call, token, wantsLeader, deadline);
    if (outcome.type === 'failed' && outcome.kind === 'stale-token') {
      await this.tokens.renounce(token);
      return unwrap(await this.#attempt(call, await this.tokens.get(), wantsLeader, deadline));
    }
    return unwrap(outcome);
  }

  /** The answer of that member and no other, or throws a Fault. */
  async callMember<T>(connection: Connection, request: CallRequest<T>): Promise<T> {
    const context = { wantsLeader: false, username: this.tokens.username };
    return unwrap(await this.endpoints.attempt(connection, request, context, this.timeoutMs, this.timeoutMs));
  }

  #attempt<T>(call: Call<T>, token: string | undefined, wantsLeader: boolean, deadline: number): Promise<Outcome<T>> {
    const context = { wantsLeader, token, username: this.tokens.username };
    return this.endpoints.call(call, context, Math.max(1, deadline - monotonicMs()));
  }
}

function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.type === 'ok') return outcome.value;
  throw outcome.fault;
}
