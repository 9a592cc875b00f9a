/**
 * A watch of all nodes that lasts: a stream of events from the last version seen, opened again whenever it ends. Says `lost`
 * when the API server no longer has what happened since (410 Gone), or when it went back in time.
 *
 * API servers end every watch after some minutes, and send a bookmark each minute while nothing happens: so the end of a
 * stream is nothing to report, and a stream that is silent for longer than bookmarks take is dead.
 */
import type { IncomingMessage } from 'node:http';
import { Fault } from '#runtime/fault.ts';
import type { NodeEvent, NodeWatchListener } from './api.ts';
import type { KubeCaller } from './caller.ts';
import { closedFault, lostFault, protocolFault, refusalFault } from './faults.ts';
import { type Fields, fieldsOf, parseJson, textOf } from './json.ts';
import { LineSplitter } from './json-lines.ts';
import { readNode } from './node.ts';
import { isOlderVersion } from './resource-version.ts';

const ASKED = 'watch nodes';
/** As client-go: from this to twice this, so that a fleet's watches do not end at once. */
const LEAST_WATCH_S = 300;
/** Two bookmarks missed, and some. */
const DEFAULT_SILENCE_MS = 150_000;
/** A stream that lived this long was a success: the next pause is the shortest again. */
const STEADY_MS = 1_000;
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

/** Starts to watch; never throws: what goes wrong is told to the listener, and tried again. */
export function startNodeWatch(
  caller: KubeCaller,
  resourceVersion: string | undefined,
  listener: NodeWatchListener,
  silenceMs = DEFAULT_SILENCE_MS,
): { close(): void } {
  const watch = new NodeWatch(caller, resourceVersion, listener, silenceMs);
  void watch.run();
  return watch;
}

type StreamEnd =
  /** The server ended it, or it was silent. */
  | { readonly type: 'ended' }
  | { readonly type: 'lost'; readonly fault: Fault }
  | { readonly type: 'broken'; readonly fault: Fault };

/** What one line says. */
type Line = { readonly type: 'event'; readonly event: NodeEvent } | { readonly type: 'bookmark' } | StreamEnd;

class NodeWatch {
  readonly #caller: KubeCaller;
  readonly #listener: NodeWatchListener;
  readonly #silenceMs: number;
  /** Undefined: where to begin must be found by listing. */
  #version: string | undefined;
  #attempts = 0;
  #interrupted: boolean = false;
  #closed: boolean = false;
  /** Ends what the watch is waiting for. */
  #wake: () => void = () => {};

  constructor(caller: KubeCaller, version: string | undefined, listener: NodeWatchListener, silenceMs: number) {
    this.#caller = caller;
    this.#version = version;
    this.#listener = listener;
    this.#silenceMs = silenceMs;
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      const begunMs = performance.now();
      const end = await this.#stream();
      if (performance.now() - begunMs >= STEADY_MS) this.#attempts = 0;
      if (this.#closed) return;
      if (end.type === 'lost') await this.#startOver(end.fault);
      if (end.type === 'broken') this.#interrupt(end.fault);
      if (end.type === 'broken' || this.#attempts > 0) await this.#pause();
      else this.#attempts += 1;
    }
  }

  /** One stream from begin to end, its events delivered. */
  async #stream(): Promise<StreamEnd> {
    if (this.#version === undefined) {
      return { type: 'lost', fault: new Fault('kube.expired', { what: 'there is no version to watch from' }) };
    }
    const giveUp = new AbortController();
    this.#wake = () => giveUp.abort();
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(Math.round(LEAST_WATCH_S * (1 + Math.random()))),
    });
    try {
      const path = `/api/v1/nodes?${query}`;
      const response = await this.#caller.stream({ method: 'GET', path, asked: ASKED, signal: giveUp.signal });
      if (this.#closed) return { type: 'ended' };
      this.#resume();
      return await this.#consume(response);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { type: error.code === 'kube.expired' ? 'lost' : 'broken', fault: error };
    }
  }

  #consume(response: IncomingMessage): Promise<StreamEnd> {
    return new Promise((resolve) => {
      const lines = new LineSplitter();
      const finish = (end: StreamEnd): void => {
        clearTimeout(silence);
        resolve(end);
        response.destroy();
      };
      this.#wake = () => finish({ type: 'broken', fault: closedFault() });
      const silence = setTimeout(() => finish({ type: 'ended' }), this.#silenceMs);
      response.on('data', (piece: Buffer) => {
        silence.refresh();
        const found = lines.push(piece);
        const end = found === 'too-long' ? this.#broken('a line of its watch is too long') : this.#deliver(found);
        if (end !== undefined) finish(end);
      });
      response.on('end', () => finish({ type: 'ended' }));
      response.on('close', () => {
        if (!response.complete) finish({ type: 'broken', fault: lostFault(undefined, this.#caller.url) });
      });
    });
  }

  /** Tells the events of these lines, and how the stream ends if one of them ends it. */
  #deliver(lines: readonly string[]): StreamEnd | undefined {
    if (this.#closed) return { type: 'ended' };
    const events: NodeEvent[] = [];
    let end: StreamEnd | undefined;
    for (const text of lines) {
      const line = this.#read(text);
      if (line.type === 'event') events.push(line.event);
      else if (line.type !== 'bookmark') {
        end = line;
        break;
      }
    }
    if (lines.length > 0 && end === undefined) this.#attempts = 0;
    if (events.length > 0) this.#listener.events(events);
    return end;
  }

  #read(text: string): Line {
    const line = fieldsOf(parseJson(text));
    const object = fieldsOf(line?.['object']);
    const type = textOf(line?.['type']);
    if (object === undefined || type === undefined) return this.#broken('a line of its watch is no event');
    if (type === 'ERROR') return this.#error(object);
    const version = textOf(fieldsOf(object['metadata'])?.['resourceVersion']);
    if (version === undefined || this.#version === undefined) return this.#broken('an event has no resourceVersion');
    if (isOlderVersion(version, this.#version)) {
      const what = `the API server went back from version ${this.#version} to ${version}`;
      const why = 'most likely its etcd was restored from a backup';
      return { type: 'lost', fault: new Fault('kube.expired', { what, where: this.#caller.url, why }) };
    }
    this.#version = version;
    if (type === 'BOOKMARK') return { type: 'bookmark' };
    const node = readNode(object);
    if (node === undefined) return this.#broken('an event is not about a node');
    if (type === 'DELETED') return { type: 'event', event: { type: 'gone', name: node.name } };
    // ADDED and MODIFIED say the same: this is how the node is.
    return { type: 'event', event: { type: 'put', node } };
  }

  #error(body: Fields): StreamEnd {
    const status = Number(body['code']) || 500;
    const fault = refusalFault({ status, body, url: this.#caller.url, asked: ASKED });
    return { type: fault.code === 'kube.expired' ? 'lost' : 'broken', fault };
  }

  #broken(why: string): StreamEnd {
    return { type: 'broken', fault: protocolFault(this.#caller.url, why) };
  }

  #interrupt(fault: Fault): void {
    if (!this.#interrupted) this.#listener.interrupted(fault);
    this.#interrupted = true;
  }

  #resume(): void {
    if (this.#interrupted) this.#listener.resumed();
    this.#interrupted = false;
  }

  /** Asks the listener to list again until it can. */
  async #startOver(fault: Fault): Promise<void> {
    while (!this.#closed) {
      try {
        this.#version = await this.#listener.lost(fault);
        this.#resume();
        return;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (this.#closed) return;
        this.#interrupt(error);
        await this.#pause();
      }
    }
  }

  /** Doubling, each shortened at random so that many agents do not come back at once. */
  #pause(): Promise<void> {
    const step = Math.min(SHORTEST_PAUSE_MS * 2 ** Math.min(this.#attempts, 10), LONGEST_PAUSE_MS);
    this.#attempts += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, step * (0.5 + Math.random() / 2));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
