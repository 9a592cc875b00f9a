/**
 * A watch that lasts: re-connects with growing pauses, resumes after the last revision seen, and says `lost` when the
 * history that it would resume from is not there any more (compaction, or a store restored from a backup).
 */
import { monotonicMs } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { WatchEvent, WatchListener, WatchRequest } from './api.ts';
import { Backoff } from './backoff.ts';
import type { Caller } from './caller.ts';
import type { Connection } from './connection.ts';
import { closedFault } from './faults.ts';
import type { CallContext, CallStream } from './grpc-call.ts';
import type { ResponseHeader } from './header-message.ts';
import { rangeCall } from './range-call.ts';
import type { Session } from './session.ts';
import { WatchHistory } from './watch-history.ts';
import { openWatchStream, type WatchStreamEnd } from './watch-stream.ts';

/** Starts to watch; never throws: what goes wrong is told to the listener, and tried again. */
export function startWatch(caller: Caller, request: WatchRequest, listener: WatchListener): { close(): void } {
  const watch = new Watch(caller, request, listener);
  void watch.run();
  return watch;
}

/** A stream that lived this long was a success: the next pause is the shortest again. */
const STEADY_MS = 1_000;

class Watch {
  readonly #caller: Caller;
  readonly #request: WatchRequest;
  readonly #listener: WatchListener;
  readonly #backoff = new Backoff();
  readonly #history: WatchHistory;
  #interrupted: boolean = false;
  #closed: boolean = false;
  /** Ends what the watch is waiting for. */
  #wake: () => void = () => {};

  constructor(caller: Caller, request: WatchRequest, listener: WatchListener) {
    this.#caller = caller;
    this.#request = request;
    this.#listener = listener;
    this.#history = new WatchHistory(request.startRevision);
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      const begunMs = monotonicMs();
      const end = await this.#follow(this.#caller.endpoints.first);
      if (monotonicMs() - begunMs >= STEADY_MS) this.#backoff.reset();
      if (this.#closed) return;
      if (end.type === 'lost') await this.#startOver(end.fault);
      else {
        if (!this.#interrupted) this.#listener.interrupted?.(end.fault);
        this.#interrupted = true;
        await this.#pause();
      }
    }
  }

  /** One stream from begin to end, and what its end means for the token and the order of the endpoints. */
  async #follow(connection: Connection): Promise<WatchStreamEnd> {
    let token: string | undefined;
    let end: WatchStreamEnd;
    try {
      token = await this.#caller.tokens.get();
      const session = await connection.session();
      end = await this.#stream(session, { wantsLeader: true, token, username: this.#caller.tokens.username });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      end = { type: 'broken', kind: 'unsent', fault: error };
    }
    if (end.type === 'lost' || this.#closed) return end;
    // A watch that etcd has no token for any more is refused with the words "permission denied".
    if (end.fault.code === 'etcd.auth') await this.#caller.tokens.renounce(token);
    else if (end.kind !== 'refused') this.#caller.endpoints.demote(connection);
    return end;
  }

  #stream(session: Session, context: CallContext): Promise<WatchStreamEnd> {
    if (this.#closed) return Promise.resolve({ type: 'broken', kind: 'unsent', fault: closedFault() });
    const request = { ...this.#request, startRevision: this.#history.next };
    return new Promise((resolve) => {
      /** Not empty while it is in doubt whether the store is the same: what comes in waits here. */
      let waiting: (() => void)[] | undefined;
      let over = false;
      const finish = (end: WatchStreamEnd): void => {
        over = true;
        stream.cancel();
        resolve(end);
      };
      const release = (): void => {
        const held = waiting ?? [];
        waiting = undefined;
        for (const act of held) act();
        stream.resume();
      };
      const inOrder = (act: () => void): void => {
        if (waiting === undefined) act();
        else waiting.push(act);
      };
      const check = (header: ResponseHeader): void => {
        if (this.#history.continues(header)) {
          this.#history.heard(header);
          return;
        }
        waiting = [];
        stream.pause();
        void this.#verify(session.endpoint.url).then((end) => {
          if (over) return;
          if (end === undefined) release();
          else finish(end);
        });
      };
      const stream: CallStream = openWatchStream(session, request, context, this.#caller.timeoutMs, {
        created: (header) => {
          check(header);
          inOrder(() => this.#resumed());
        },
        events: (events) => inOrder(() => this.#deliver(events)),
        progress: (header) =>
          inOrder(() => {
            check(header);
            inOrder(() => this.#history.progressed(header));
          }),
        ended: (end) => {
          if (!over) finish(end);
        },
      });
      this.#wake = () => finish({ type: 'broken', kind: 'unsent', fault: closedFault() });
    });
  }

  #deliver(events: readonly WatchEvent[]): void {
    if (this.#closed) return;
    this.#history.delivered(events);
    this.#listener.events(events, this.#history.seen);
  }

  #resumed(): void {
    if (!this.#interrupted || this.#closed) return;
    this.#interrupted = false;
    this.#listener.resumed?.();
  }

  /** Whether the cluster has what was seen: a member may only lag behind, so the question goes to all by quorum. */
  async #verify(where: string): Promise<WatchStreamEnd | undefined> {
    const { key, rangeEnd } = this.#request;
    try {
      const call = rangeCall({ key, ...(rangeEnd === undefined ? {} : { rangeEnd }), countOnly: true });
      const { header } = await this.#caller.call(call);
      if (!this.#history.continues(header)) return { type: 'lost', fault: this.#history.rewound(header, where) };
      this.#history.heard(header);
      return undefined;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { type: 'broken', kind: 'unknown', fault: error };
    }
  }

  /** Asks the listener to list again until it can. */
  async #startOver(fault: Fault): Promise<void> {
    while (!this.#closed) {
      try {
        this.#history.restart(await this.#listener.lost(fault));
        return;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (!this.#interrupted) this.#listener.interrupted?.(error);
        this.#interrupted = true;
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#backoff.next());
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
