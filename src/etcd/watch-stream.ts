/**
 * One stream of a watch, from its creation until it ends: whole answers in order, fragments put together, and what its
 * end means for the watch.
 */
import { Fault } from '#runtime/fault.ts';
import type { WatchEvent, WatchRequest } from './api.ts';
import { timeoutFault } from './faults.ts';
import { type CallContext, type CallStream, openStream } from './grpc-call.ts';
import type { ResponseHeader } from './header-message.ts';
import { wholeMessage } from './message-decoder.ts';
import { type FailureKind, refusalFailure } from './outcome.ts';
import { span } from './range-call.ts';
import type { Session } from './session.ts';
import { decodeWatch, encodeWatchCreate, type WatchAnswer } from './watch-messages.ts';

export interface WatchStreamHandlers {
  /** etcd watches from now on. */
  readonly created: (header: ResponseHeader) => void;
  readonly events: (events: readonly WatchEvent[]) => void;
  /** Nothing more happened up to this revision. */
  readonly progress: (header: ResponseHeader) => void;
  readonly ended: (end: WatchStreamEnd) => void;
}

/** `lost`: the revisions asked for are gone. */
export type WatchStreamEnd =
  | { readonly type: 'lost'; readonly fault: Fault }
  | { readonly type: 'broken'; readonly fault: Fault; readonly kind: FailureKind };

/** More events in the fragments of one answer than any real one holds: etcd allows 128 writes in a transaction by default. */
const MOST_EVENTS = 1_000_000;
/** Text in the fragments of one answer, in characters: a thousand writes of a megabyte each would be one. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** Opens a watch stream; `createMs` limits the wait until etcd has created the watch. */
export function openWatchStream(
  session: Session,
  request: WatchRequest,
  context: CallContext,
  createMs: number,
  handlers: WatchStreamHandlers,
): CallStream {
  const { url } = session.endpoint;
  const asked = `watch ${span(request)}`;
  let pending: WatchEvent[] = [];
  let pendingCharacters = 0;
  let over = false;
  const end = (how: WatchStreamEnd): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    stream.cancel();
    handlers.ended(how);
  };
  const timer = setTimeout(() => {
    end({ type: 'broken', kind: 'unknown', fault: timeoutFault(`etcd did not begin to ${asked}`, url, createMs) });
  }, createMs);
  const take = (answer: WatchAnswer): void => {
    if (over) return;
    if (answer.canceled) {
      end(canceled(answer, asked, url, request, context.username));
      return;
    }
    if (answer.created) {
      clearTimeout(timer);
      handlers.created(answer.header);
      return;
    }
    const events = pending.length === 0 ? answer.events : pending.concat(answer.events);
    if (answer.fragment) {
      pending = [...events];
      pendingCharacters += charactersOf(answer.events);
      if (pending.length > MOST_EVENTS) end({ type: 'broken', kind: 'unknown', fault: tooLarge(url) });
      // Asked again it would be as large: a listing has only what is left of it.
      else if (pendingCharacters > MOST_CHARACTERS) end({ type: 'lost', fault: tooLong(url) });
      return;
    }
    pending = [];
    pendingCharacters = 0;
    if (events.length > 0) handlers.events(events);
    else handlers.progress(answer.header);
  };
  const stream = openStream(
    session,
    {
      path: '/etcdserverpb.Watch/Watch',
      asked,
      message: encodeWatchCreate(request),
      decoder: () => wholeMessage(decodeWatch),
    },
    context,
    take,
    (how) => {
      if (how.type === 'failed') end({ type: 'broken', kind: how.kind, fault: how.fault });
      else end({ type: 'broken', kind: 'unknown', fault: closedByEtcd(url) });
    },
  );
  return {
    cancel() {
      over = true;
      clearTimeout(timer);
      stream.cancel();
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}

function canceled(
  answer: WatchAnswer,
  asked: string,
  url: string,
  request: WatchRequest,
  username: string | undefined,
): WatchStreamEnd {
  if (answer.compactRevision > 0) {
    const what = `revision ${request.startRevision} for ${asked} is compacted away`;
    const why = `etcd holds revisions from ${answer.compactRevision} on`;
    return { type: 'lost', fault: new Fault('etcd.compacted', { what, where: url, why }) };
  }
  // Some versions give the reason with gRPC's own words around etcd's.
  const match = /^rpc error: code = \w+ desc = (.*)$/.exec(answer.cancelReason);
  const text = match?.[1] ?? (answer.cancelReason === '' ? 'no reason given' : answer.cancelReason);
  const { kind, fault } = refusalFailure({ code: 1, text, url, asked, username });
  return { type: 'broken', kind, fault };
}

function closedByEtcd(url: string): Fault {
  return new Fault('etcd.unavailable', { what: 'etcd ended the watch', where: url });
}

function tooLarge(url: string): Fault {
  return new Fault('etcd.protocol', { what: `a watch answer has more than ${MOST_EVENTS} events`, where: url });
}

function tooLong(url: string): Fault {
  const what = `etcd has more than ${MOST_CHARACTERS} characters of changes to tell at once`;
  return new Fault('etcd.protocol', { what, where: url, why: 'somebody writes huge values below the prefix' });
}

function charactersOf(events: readonly WatchEvent[]): number {
  return events.reduce((sum, event) => sum + (event.type === 'put' ? event.kv.value.length : event.key.length), 0);
}
