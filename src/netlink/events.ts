/**
 * Network events: wakes a listener when links, addresses, routes, neighbours or nexthops change. It says that something
 * changed, not what: whoever listens lists again. Notifications that were lost count as a change.
 */
import { Fault } from '#runtime/fault.ts';
import { loadNative, type Native } from './native.ts';
import { MessageReader } from './reader.ts';
import { openRouteSocket } from './socket.ts';

/** RTNLGRP_* of linux/rtnetlink.h. NEXTHOP is newer than the others (Linux 5.3). */
const GROUPS = {
  link: 1,
  neighbor: 3,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv6Address: 9,
  ipv6Route: 11,
  nexthop: 32,
} as const;
const BUFFER_BYTES = 8 * 1024;
/** The loop goes on after this many notifications; the rest wakes it again. */
const MOST_AT_ONCE = 1024;

export interface NetworkEventsOptions {
  /** Path of the network namespace; default is the process's own. */
  readonly namespace?: string;
  /** Port id of the socket whose own changes are not to be told. (The kernel does not name the causer of FDB changes.) */
  readonly ignorePort?: number;
  /** Whether a notification is of interest; default is all. */
  readonly concerns?: (message: MessageReader) => boolean;
  /** Whether listening keeps the process alive; default is not. */
  readonly keepAlive?: boolean;
}

/** Calls `listener` after changes, once per turn of the event loop at most. The function returned ends it. */
export function watchNetwork(listener: () => void, options: NetworkEventsOptions = {}): () => void {
  const native = loadNative();
  const fd = openRouteSocket(native, options.namespace);
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const concerns = options.concerns ?? (() => true);
  let open = true;
  const close = (): void => {
    if (open) native.close(fd);
    open = false;
  };
  try {
    if (options.ignorePort !== undefined) native.ignorePort(fd, options.ignorePort);
    for (const group of Object.values(GROUPS)) join(native, fd, group);
    native.poll(fd, () => readAll(native, fd, buffer, concerns) && listener(), options.keepAlive ?? false);
  } catch (error) {
    close();
    throw error;
  }
  return close;
}

function join(native: Native, fd: number, group: number): void {
  try {
    native.joinGroup(fd, group);
  } catch (error) {
    if (group !== GROUPS.nexthop) throw error;
  }
}

function readAll(native: Native, fd: number, buffer: Buffer, concerns: (message: MessageReader) => boolean): boolean {
  let changed = false;
  for (let left = MOST_AT_ONCE; left > 0; left--) {
    const length = receive(native, fd, buffer);
    if (length === 0) break;
    // Once it is known that something changed, the rest is only taken off the queue.
    changed ||= length > buffer.length || anyConcerns(new MessageReader(buffer, length), concerns);
  }
  return changed;
}

/** A length beyond every buffer when the kernel dropped notifications. */
function receive(native: Native, fd: number, buffer: Buffer): number {
  try {
    return native.receive(fd, buffer, false);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOBUFS') return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** A notification that cannot be read counts as a change too: whoever listens lists again. */
function anyConcerns(message: MessageReader, concerns: (message: MessageReader) => boolean): boolean {
  try {
    while (message.next()) {
      if (concerns(message)) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof Fault) return true;
    throw error;
  }
}
