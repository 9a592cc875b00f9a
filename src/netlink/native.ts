/**
 * Native: the addon native/weft.c as TypeScript sees it, and where it is loaded from. The only description of its
 * interface on this side. A failed system call throws an Error with `code`, `errno` (negative) and `syscall`.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '#runtime/fault.ts';

const INTERFACE_VERSION = 2;

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
  /** Gives pages of the C heap that nothing uses back to the kernel. */
  trimHeap(): void;
}

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
] as const satisfies readonly (keyof Native)[];

let loaded: Native | undefined;

/** The addon, loaded once; Fault `kernel.addon` when it is missing, does not load, or is of another version. */
export function loadNative(): Native {
  loaded ??= loadFrom(findAddon());
  return loaded;
}

/** Loads the addon from a given file. */
export function loadFrom(file: string): Native {
  const holder: { exports: Partial<Native> } = { exports: {} };
  try {
    process.dlopen(holder, file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('kernel.addon', { what: 'the native part does not load', where: file, why, cause });
  }
  const { exports } = holder;
  if (!isNative(exports)) {
    const why = `its interface is version ${exports.interfaceVersion ?? 'unknown'}, this program needs ${INTERFACE_VERSION}`;
    throw new Fault('kernel.addon', { what: 'the native part does not belong to this program', where: file, why });
  }
  return exports;
}

function isNative(exports: Partial<Native>): exports is Native {
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
