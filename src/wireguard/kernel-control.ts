/** WireguardControl over generic netlink: the kernel's own WireGuard. */
import type { Native } from '#netlink/native.ts';
import type { Refusal } from '#netlink/refusal.ts';
import { Fault } from '#runtime/fault.ts';
import type { RefusedPeer, WireguardChange, WireguardControl } from './device.ts';
import { openGenericNetlink, resolveFamily } from './generic-netlink.ts';
import { decodeDevice, joinDevice } from './kernel-answers.ts';
import {
  encodeGetDevice,
  encodeSetDevice,
  FAMILY_NAME,
  ownSettings,
  type SetRequest,
  splitPeers,
} from './kernel-requests.ts';

/** In the network namespace at that path, by default the process's own; undefined when the kernel has no WireGuard. */
export function openKernelControl(namespace?: string, native?: Native): WireguardControl | undefined {
  const socket = openGenericNetlink(namespace, native);
  const family = familyOrClose();
  if (family === undefined) return undefined;

  function familyOrClose(): number | undefined {
    let found: number | undefined;
    try {
      found = resolveFamily(socket, FAMILY_NAME);
      return found;
    } finally {
      if (found === undefined) socket.close();
    }
  }

  const send = (name: string, requests: readonly SetRequest[]): readonly { item: SetRequest; refusal: Refusal }[] =>
    socket.train(requests, (writer, request) => encodeSetDevice(writer, family, name, request)).failed;

  const writePeers = (name: string, { peers }: WireguardChange): readonly RefusedPeer[] => {
    const refused: RefusedPeer[] = [];
    for (const { item } of send(name, splitPeers(peers))) {
      // The kernel stops a message at the first peer that it does not take. One by one, only that one is missing.
      const keys = new Set(item.peers.map(({ change }) => change.publicKey));
      for (const peer of peers.filter(({ publicKey }) => keys.has(publicKey))) {
        const [failure] = send(name, splitPeers([peer]));
        if (failure !== undefined) refused.push({ publicKey: peer.publicKey, reason: words(failure.refusal) });
      }
    }
    return refused;
  };

  return {
    async read(name) {
      const parts = socket.dump(
        (writer) => encodeGetDevice(writer, family, name),
        (message) => decodeDevice(message, family),
        ['ENODEV'],
      );
      return joinDevice(parts);
    },
    async write(name, change) {
      const own = ownSettings(change);
      const [failure] = own === undefined ? [] : send(name, [own]);
      if (failure === undefined) return writePeers(name, change);
      throw new Fault('wireguard.device', { what: `${name} refuses its settings`, why: words(failure.refusal) });
    },
    close: () => socket.close(),
  };
}

function words({ code, text }: Refusal): string {
  return `the kernel says ${code}: ${text}`;
}
