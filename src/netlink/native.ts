/**
 * Native: the addon in native/ as TypeScript sees it, and where it is loaded from. The only description of its
 * interface on this side. A failed system call throws an Error with `code`, `errno` (negative) and `syscall`.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '#runtime/fault.ts';

const INTERFACE_VERSION = 4;

export interface Native {
  readonly interfaceVersion: number;
  /**
   * Calls `run` with this thread in the network namespace at `path` and returns its result; descriptors opened there
   * stay there. `run` must be synchronous and must not use libuv's thread pool.
   */
  inNamespace<Result>(path: string, run: () => Result): Result;
  /** A bound AF_NETLINK socket in the current namespace, with extended acknowledgements and strict checking. */
  openNetlink(protocol: number, receiveBufferBytes: number, receiveTimeoutMs: number): number;
  /** Subscribes to the multicast group of that number (RTNLGRP_*). */
  joinGroup(fd: number, group: number): void;
  /** The kernel keeps back from `fd` what the netlink socket with port id `port` has caused. */
  ignorePort(fd: number, port: number): void;
  /** The netlink socket's own address, as it stands in nlmsg_pid. */
  portId(fd: number): number;
  /** Sends one datagram. */
  send(fd: number, bytes: Uint8Array, offset: number, length: number): void;
  /**
   * Length of the next datagram, more than `buffer.length` when it was cut; 0 when none came (within the receive
   * time-out when `wait`, else at once).
   */
  receive(fd: number, buffer: Uint8Array, wait: boolean): number;
  /** Ends polling too. */
  close(fd: number): void;
  /** Calls `callback` whenever `fd` can be read; the descriptor becomes non-blocking. */
  poll(fd: number, callback: () => void, keepAlive: boolean): void;
  unpoll(fd: number): void;
  /** One datagram to the unix socket at `path`; `@name` is an abstract one. */
  sendDatagram(path: string, bytes: Uint8Array): void;
  /** A unix datagram socket bound at `path`, to `receive` from. */
  bindDatagram(path: string): number;
  /**
   * Sends one datagram on another thread, for requests that the kernel works on for long. `callback` gets a positive errno,
   * or 0; until then `fd` may be neither closed nor used.
   */
  sendLater(fd: number, bytes: Uint8Array, callback: (errno: number) => void): void;
  /** Gives pages of the C heap that nothing uses back to the kernel. */
  trimHeap(): void;
}

/** Forwarders: the udp backend's data path (native/forwarder-module.c). */
export interface NativeForwarders {
  /**
   * Opens a TUN device and a UDP socket in the current namespace and forwards between them on a thread of its own
   * (native/forwarder.c). `fd` stands for the forwarder and can be polled for its unexpected end; only `closeForwarder`
   * closes it, and the device with it. `pattern` is such as `flannel%d`, `address` is host order.
   */
  openForwarder(
    pattern: string,
    address: number,
    port: number,
    onlyPeers: boolean,
  ): readonly [fd: number, device: string];
  /** Replaces the peers: records of subnet and host in network order, prefix length, three bytes of padding. */
  setForwarderPeers(fd: number, source: number, mtu: number, records: Uint8Array): void;
  /** The counters; `endError` is the errno that has ended the thread, else 0. */
  forwarderState(fd: number): ForwarderState;
  closeForwarder(fd: number): void;
}

/** What a forwarder has done so far, in packets where nothing else is said. */
export interface ForwarderState {
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  /** From the TUN device to an address that no peer's subnet holds. */
  readonly noPeer: number;
  /** TTL at its end, either direction. */
  readonly expired: number;
  /** Datagrams that hold no IPv4 packet. */
  readonly malformed: number;
  /** Received longer than the device's MTU; delivered nevertheless. */
  readonly oversize: number;
  /** Received from an address that is no peer's. */
  readonly unknownSource: number;
  readonly sendFailed: number;
  readonly deliverFailed: number;
  readonly icmpErrors: number;
  /** errno of the latest `sendFailed`, 0 when there was none. */
  readonly lastSendError: number;
  readonly endError: number;
}

/** The kernel's BPF machine (native/bpf.c). */
export interface NativeBpf {
  /**
   * What bpf(2) returns: a descriptor, often. `attributes` is union bpf_attr of linux/bpf.h and holds the answer afterwards;
   * the address of `buffers[i]` stands at `offsets[i]` for the call.
   */
  bpf(command: number, attributes: Uint8Array, offsets: readonly number[], buffers: readonly Uint8Array[]): number;
}

/** All that the addon is. */
export type Addon = Native & NativeForwarders & NativeBpf;

const FUNCTIONS = [
  'inNamespace',
  'openNetlink',
  'joinGroup',
  'ignorePort',
  'portId',
  'send',
  'receive',
  'close',
  'poll',
  'unpoll',
  'sendDatagram',
  'bindDatagram',
  'trimHeap',
  'sendLater',
  'openForwarder',
  'setForwarderPeers',
  'forwarderState',
  'closeForwarder',
  'bpf',
] as const satisfies readonly (keyof Addon)[];

let loaded: Addon | undefined;

/** The addon, loaded once; Fault `kernel.addon` when it is missing, does not load, or is of another version. */
export function loadNative(): Addon {
  loaded ??= loadFrom(findAddon());
  return loaded;
}

/** Loads the addon from a given file. */
export function loadFrom(file: string): Addon {
  const holder: { exports: Partial<Addon> } = { exports: {} };
  try {
    process.dlopen(holder, file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('kernel.addon', { what: 'the native part does not load', where: file, why, cause });
  }
  const { exports } = holder;
  if (!isAddon(exports)) {
    const why = `its interface is version ${exports.interfaceVersion ?? 'unknown'}, this program needs ${INTERFACE_VERSION}`;
    throw new Fault('kernel.addon', { what: 'the native part does not belong to this program', where: file, why });
  }
  return exports;
}

function isAddon(exports: Partial<Addon>): exports is Addon {
  return (
    exports.interfaceVersion === INTERFACE_VERSION && FUNCTIONS.every((name) => typeof exports[name] === 'function')
  );
}

/** The environment decides; else beside the bundle; else where the build puts it, seen from the bundle or from here. */
function findAddon(): string {
  const { WEFT_NATIVE: named } = process.env;
  if (named !== undefined && named !== '') return named;
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [
    join(here, 'weft.node'),
    join(here, '../weft.node'),
    join(here, '../native/build/weft.node'),
    join(here, '../../native/build/weft.node'),
  ];
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) {
    throw new Fault('kernel.addon', { what: 'the native part is missing', where: candidates.join(', ') });
  }
  return found;
}
