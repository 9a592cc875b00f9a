/**
 * Network events: wakes a listener when links, addresses, routes, neighbours, nexthops or forwarding change. It says that
 * something changed and by whom, not what: whoever listens lists again. Notifications that were lost count as a change.
 */
import { Fault } from '#runtime/fault.ts';
import { AF_BRIDGE, RTM_DELLINK, RTM_DELNEIGH, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNETCONF } from './message.ts';
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
  ipv4Forwarding: 24,
  ipv6Forwarding: 25,
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

/** Notifications of one turn that are looked through for a causer, once it is known that something changed. */
const MOST_LOOKED_AT = 64;

/**
 * Calls `listener` after changes, once per turn of the event loop at most. `port` is the port id of the socket that caused
 * the first of them which names one, 0 when only the kernel did, undefined where it does not tell. The function returned ends it.
 */
export function watchNetwork(listener: (port?: number) => void, options: NetworkEventsOptions = {}): () => void {
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
    const hear = (): void => {
      const heard = readAll(native, fd, buffer, concerns);
      if (heard.changed) listener(heard.untold && heard.port === 0 ? undefined : heard.port);
    };
    native.poll(fd, hear, options.keepAlive ?? false);
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

interface Heard {
  changed: boolean;
  port: number | undefined;
  /** One of them does not tell its causer: what the kernel did thereupon is not the kernel's own doing. */
  untold: boolean;
  /** Notifications of interest. */
  count: number;
}

function readAll(native: Native, fd: number, buffer: Buffer, concerns: (message: MessageReader) => boolean): Heard {
  const heard: Heard = { changed: false, port: undefined, untold: false, count: 0 };
  for (let left = MOST_AT_ONCE; left > 0; left--) {
    const length = receive(native, fd, buffer);
    if (length === 0) break;
    if (length > buffer.length) heard.changed = true;
    else if (!isEnough(heard)) lookThrough(new MessageReader(buffer, length), concerns, heard);
  }
  return heard;
}

/** Then the rest is only taken off the queue. */
function isEnough({ changed, port, count }: Heard): boolean {
  return changed && ((port ?? 0) !== 0 || count >= MOST_LOOKED_AT);
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
function lookThrough(message: MessageReader, concerns: (message: MessageReader) => boolean, heard: Heard): void {
  try {
    while (!isEnough(heard) && message.next()) {
      if (!concerns(message)) continue;
      heard.changed = true;
      heard.count += 1;
      const port = causerOf(message);
      heard.untold ||= port === undefined;
      if ((heard.port ?? 0) === 0) heard.port = port ?? heard.port;
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    heard.changed = true;
  }
}

/** Undefined where the kernel does not tell: of forwarding entries and settings never, of links seldom. */
function causerOf(message: MessageReader): number | undefined {
  const { type, port } = message;
  switch (type) {
    case RTM_NEWNETCONF:
      return undefined;
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return port === 0 ? undefined : port;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return message.u8(0) === AF_BRIDGE ? undefined : port;
    default:
      return port;
  }
}
