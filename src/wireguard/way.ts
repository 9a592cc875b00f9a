/**
 * How this host gets WireGuard devices: from the kernel, or from wireguard-go where the kernel has none. What stands and
 * works is kept, whichever it is.
 */
import { encodeLinkAdd, encodeLinkDelete, getLink } from '#netlink/link.ts';
import { refusalFault } from '#netlink/refusal.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import { Fault } from '#runtime/fault.ts';
import type { WireguardControl } from './device.ts';
import { openKernelControl } from './kernel-control.ts';
import { SOCKET_DIRECTORY, userSpaceControl } from './user-space-control.ts';
import { hasWireguardGo, startWireguardGo, stopWireguardGo, wireguardMissing } from './wireguard-go.ts';

export interface WireguardWay {
  readonly type: 'kernel' | 'user-space';
  /** Why this one, in words for the log. */
  readonly why: string;
  readonly control: WireguardControl;
  /** Makes the device when it is not there; whether it did. Fault `kernel.device-busy` when another kind has the name. */
  make(name: string): Promise<boolean>;
  /** Removes the device when it is there; whether it did. */
  remove(name: string): Promise<boolean>;
  close(): void;
}

export interface WayOptions {
  /** Devices that may stand already. */
  readonly names: readonly string[];
  /** Of the user space sockets (wireguard-go.ts). */
  readonly directory?: string;
  /** Path of the network namespace; the process's own by default. */
  readonly namespace?: string;
  /** Default true; false: only the way in user space, as if the kernel had none. */
  readonly kernel?: boolean;
  /** For the programs that are started, beside PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Fault `wireguard.missing` when there is neither. */
export async function chooseWay(options: WayOptions): Promise<WireguardWay> {
  const served = await servedInUserSpace(options);
  if (served !== undefined) return userSpaceWay(options, `a program serves ${served} already`);
  const control = options.kernel === false ? undefined : openKernelControl(options.namespace);
  if (control !== undefined) return kernelWay(options, control);
  if (!hasWireguardGo()) throw wireguardMissing();
  return userSpaceWay(options, 'the kernel has no WireGuard, wireguard-go is installed');
}

async function servedInUserSpace({ names, directory }: WayOptions): Promise<string | undefined> {
  const control = userSpaceControl(directory);
  for (const name of names) if ((await control.read(name)) !== undefined) return name;
  return undefined;
}

function userSpaceWay(options: WayOptions, why: string): WireguardWay {
  const { names: _, directory = SOCKET_DIRECTORY, ...rest } = options;
  const control = userSpaceControl(directory);
  return {
    type: 'user-space',
    why,
    control,
    make: async (name) => (await startWireguardGo({ ...rest, directory, name })) === 'started',
    remove: async (name) => stopWireguardGo(name, directory),
    close() {},
  };
}

function kernelWay({ namespace }: WayOptions, control: WireguardControl): WireguardWay {
  const socket = new NetlinkSocket(namespace);
  const change = (words: string, encode: (writer: MessageWriter) => void): void => {
    const { failed } = socket.train([encode], (writer, one) => one(writer));
    for (const { refusal } of failed) throw refusalFault(`${words} failed`, refusal);
  };
  const isThere = (name: string): boolean => {
    const link = getLink(socket, name);
    if (link === undefined || link.kind === 'wireguard') return link !== undefined;
    const what = `a device named ${name} is there already, of kind ${link.kind === '' ? 'unknown' : link.kind}`;
    throw new Fault('kernel.device-busy', { what, where: name });
  };
  return {
    type: 'kernel',
    why: 'the kernel has WireGuard',
    control,
    async make(name) {
      if (isThere(name)) return false;
      change(`ip link add ${name} type wireguard`, (writer) => encodeLinkAdd(writer, { name, kind: 'wireguard' }));
      return true;
    },
    async remove(name) {
      if (getLink(socket, name)?.kind !== 'wireguard') return false;
      change(`ip link delete ${name}`, (writer) => encodeLinkDelete(writer, name));
      return true;
    },
    close() {
      control.close();
      socket.close();
    },
  };
}
