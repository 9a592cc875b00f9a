/**
 * A v2 watch that lasts: one long poll after the other, each from the index after the last event, on whichever member
 * serves it. Says `lost` when what happened since cannot be told any more.
 *
 * A member that is cut off from the majority keeps a poll open and silent for ever, and so does a dead connection. So
 * while a poll waits, the member is looked at: a HEAD request that costs the cluster nothing, and only if the member's raft
 * log stood still since the last one, a read by quorum. And a poll that stays silent while the store goes on is made anew:
 * most likely others' keys were written, but the poll's own connection may be the one that is dead.
 */
import { Fault } from '#runtime/fault.ts';
import { Backoff } from './backoff.ts';
import { closedFault } from './faults.ts';
import type { FailureKind } from './outcome.ts';
import type { V2WatchListener, V2WatchRequest } from './v2-api.ts';
import type { V2Caller } from './v2-caller.ts';
import type { V2Mark, V2Reply } from './v2-exchange.ts';
import { notV2Fault, unexpectedAnswer, V2_ERROR } from './v2-faults.ts';
import type { V2Member } from './v2-member.ts';
import { eventOf, MalformedReply } from './v2-reply.ts';

/** Starts to watch; never throws: what goes wrong is told to the listener, and tried again. */
export function startV2Watch(
  caller: V2Caller,
  keepAliveMs: number,
  request: V2WatchRequest,
  listener: V2WatchListener,
): { close(): void } {
  const watch = new V2Watch(caller, keepAliveMs, request, listener);
  void watch.run();
  return watch;
}

/** A poll that lived this long was a success: the next pause is the shortest again. */
const STEADY_MS = 1_000;
/** Looks between two polls, when the store goes on without a word to us. */
const LOOKS_PER_POLL = 4;

type PollEnd =
  | { readonly type: 'delivered' }
  /** etcd ended it without an event. */
  | { readonly type: 'idle' }
  /** It was given up to ask anew. */
  | { readonly type: 'stale' }
  | { readonly type: 'lost'; readonly fault: Fault }
  | { readonly type: 'broken'; readonly kind: FailureKind; readonly fault: Fault };

class V2Watch {
  readonly #caller: V2Caller;
  readonly #keepAliveMs: number;
  readonly #request: V2WatchRequest;
  readonly #listener: V2WatchListener;
  readonly #backoff = new Backoff();
  /** Index of the last event seen, or of the listing. */
  #seen: number;
  #clusterId: bigint | undefined;
  #interrupted: boolean = false;
  #closed: boolean = false;
  /** Ends what the watch is waiting for. */
  #wake: () => void = () => {};

  constructor(caller: V2Caller, keepAliveMs: number, request: V2WatchRequest, listener: V2WatchListener) {
    this.#caller = caller;
    this.#keepAliveMs = keepAliveMs;
    this.#request = request;
    this.#listener = listener;
    this.#seen = request.afterIndex;
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      const begunMs = performance.now();
      const member = this.#caller.first;
      const end = await this.#poll(member);
      if (end.type === 'delivered' || performance.now() - begunMs >= STEADY_MS) this.#backoff.reset();
      if (this.#closed) return;
      if (end.type === 'lost') await this.#startOver(end.fault);
      else if (end.type === 'broken') {
        if (end.kind !== 'refused') this.#caller.demote(member);
        if (!this.#interrupted) this.#listener.interrupted?.(end.fault);
        this.#interrupted = true;
      }
      if (end.type === 'broken' || end.type === 'idle') await this.#pause();
    }
  }

  /** One poll from begin to end, its event delivered. */
  async #poll(member: V2Member): Promise<PollEnd> {
    const giveUp = new AbortController();
    this.#wake = () => giveUp.abort();
    /** What was found out beside the poll. */
    let doubt: PollEnd | undefined;
    const found = (end: PollEnd | undefined): void => {
      doubt ??= end;
      if (end !== undefined) giveUp.abort();
    };
    let checked: Promise<void> = Promise.resolve();
    let stopLooking = (): void => {};
    const query = { wait: 'true', recursive: 'true', waitIndex: String(this.#seen + 1) };
    const asked = `watch ${JSON.stringify(this.#request.key)}`;
    const outcome = await this.#caller.callMember(
      member,
      'GET',
      this.#request.key,
      { asked, query },
      {
        signal: giveUp.signal,
        poll: (mark) => {
          checked = this.#check(mark, member).then(found);
          stopLooking = this.#keepLooking(member, found);
        },
      },
    );
    stopLooking();
    await checked;
    if (doubt !== undefined) return doubt;
    if (outcome.type === 'failed') return { type: 'broken', kind: outcome.kind, fault: outcome.fault };
    return this.#deliver(outcome.value, member.endpoint.url, asked);
  }

  #deliver({ error, body }: V2Reply, url: string, asked: string): PollEnd {
    if (this.#closed) return { type: 'broken', kind: 'unsent', fault: closedFault() };
    if (error?.errorCode === V2_ERROR.eventIndexCleared) {
      const what = `the events after index ${this.#seen} are no longer kept`;
      return { type: 'lost', fault: new Fault('etcd.compacted', { what, where: url }) };
    }
    if (error !== undefined) {
      return { type: 'broken', kind: 'refused', fault: unexpectedAnswer(asked, url, error.text) };
    }
    if (body === undefined) return { type: 'idle' };
    try {
      const event = eventOf(body);
      if (event.type === 'directory') {
        const what = `the directory ${event.key} was changed as a whole`;
        return { type: 'lost', fault: new Fault('etcd.compacted', { what, where: url }) };
      }
      if (event.index <= this.#seen) throw new MalformedReply('it sends an event from before the index asked for');
      this.#seen = event.index;
      this.#listener.event(event);
      return { type: 'delivered' };
    } catch (malformed) {
      if (!(malformed instanceof MalformedReply)) throw malformed;
      return { type: 'broken', kind: 'unknown', fault: notV2Fault(url, malformed.message) };
    }
  }

  /** Looks at who took the poll: the store that was seen so far, or another one. */
  async #check(mark: V2Mark, member: V2Member): Promise<PollEnd | undefined> {
    const end = this.#continues(mark) ? undefined : await this.#verify(member.endpoint.url);
    if (end !== undefined || this.#closed) return end;
    this.#clusterId ??= mark.clusterId;
    if (this.#interrupted) {
      this.#interrupted = false;
      this.#listener.resumed?.();
    }
    return undefined;
  }

  #continues({ clusterId, index }: V2Mark): boolean {
    return (this.#clusterId === undefined || this.#clusterId === clusterId) && index >= this.#seen;
  }

  /** A member may only lag behind, so the question goes to the majority. */
  async #verify(where: string): Promise<PollEnd | undefined> {
    try {
      const call = { asked: 'the index', query: { quorum: 'true' }, repeatable: true };
      const { mark } = await this.#caller.call('GET', this.#request.probeKey, call);
      if (this.#continues(mark)) return undefined;
      const what =
        mark.index < this.#seen
          ? `etcd went back from index ${this.#seen} to ${mark.index}`
          : `etcd is not the cluster of before (id ${mark.clusterId.toString(16)})`;
      const why = 'most likely it was restored from a backup';
      return { type: 'lost', fault: new Fault('etcd.compacted', { what, where, why }) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { type: 'broken', kind: 'unknown', fault: error };
    }
  }

  /** Looks at the member from time to time; what it finds wrong is told once. */
  #keepLooking(member: V2Member, found: (end: PollEnd) => void): () => void {
    let stopped = false;
    let raftIndex: number | undefined;
    let looks = 0;
    let stale = false;
    let timer: NodeJS.Timeout;
    const later = (): void => {
      timer = setTimeout(() => void look(), this.#keepAliveMs * (0.75 + Math.random() / 2));
      timer.unref();
    };
    const look = async (): Promise<void> => {
      const { probeKey } = this.#request;
      const asked = 'whether it is there';
      let outcome = await this.#caller.callMember(member, 'HEAD', probeKey, { asked, query: {} });
      if (outcome.type === 'ok') {
        const stood = outcome.value.mark.raftIndex === undefined || outcome.value.mark.raftIndex === raftIndex;
        raftIndex = outcome.value.mark.raftIndex;
        looks++;
        stale = looks >= LOOKS_PER_POLL && outcome.value.mark.index > this.#seen;
        if (stood && !stopped) {
          outcome = await this.#caller.callMember(member, 'GET', probeKey, { asked, query: { quorum: 'true' } });
          if (outcome.type === 'ok') raftIndex = outcome.value.mark.raftIndex ?? raftIndex;
        }
      }
      if (stopped) return;
      if (outcome.type === 'failed') found({ type: 'broken', kind: 'unknown', fault: outcome.fault });
      else if (stale) found({ type: 'stale' });
      else later();
    };
    later();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }

  /** Asks the listener to list again until it can. */
  async #startOver(fault: Fault): Promise<void> {
    while (!this.#closed) {
      try {
        this.#seen = await this.#listener.lost(fault);
        this.#clusterId = undefined;
        return;
      } catch {
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
