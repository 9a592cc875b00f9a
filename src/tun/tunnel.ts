/**
 * Tunnel: the udp backend's data path as TypeScript holds it. A TUN device and a UDP socket with a native thread between
 * them (native/forwarder.c); packets never pass through here. It lives as long as its process: device, address and route
 * vanish with it, as flannel's do.
 */
import type { Ipv4Cidr } from '#model/cidr.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import { type ForwarderState, loadNative } from '#netlink/native.ts';
import { encodePeers } from './peer-records.ts';
import { endFault, openFault } from './tunnel-faults.ts';

/** A subnet and the host to send its packets to. */
export interface TunnelPeer {
  readonly subnet: Ipv4Cidr;
  readonly host: Ipv4;
}

/** Everything that can change while a tunnel is open. */
export interface TunnelState {
  readonly peers: readonly TunnelPeer[];
  /** Source of ICMP errors: the address of the device. Undefined: none are sent. */
  readonly source: Ipv4 | undefined;
  /** Of the device; longer packets that come in are counted. */
  readonly mtu: number;
}

export interface TunnelOptions {
  /** Name of the device, or a pattern such as `flannel%d`, in which the kernel puts the first free number. */
  readonly device: string;
  /** Where to receive. */
  readonly address: Ipv4;
  /** UDP port, of this host and of all peers. */
  readonly port: number;
  /** Drops what comes from the address of no peer; flannel takes it, and so is the default. */
  readonly onlyPeers?: boolean;
  /** Path of the network namespace; default is this process's. */
  readonly namespace?: string;
  /** Called at most once, when the thread ends by itself, such as when somebody deleted the device. */
  readonly onEnd?: (fault: ReturnType<typeof endFault>) => void;
}

export interface Tunnel {
  /** Name of the device. It is down, without address, until somebody sets it up. */
  readonly device: string;
  /** The state from the next packets on, in place of the one before; whether it differs from that. */
  apply(state: TunnelState): boolean;
  counters(): ForwarderState;
  /** Ends the thread and removes the device. */
  close(): void;
}

/** Opens a tunnel that knows no peers yet. Fault `kernel.tun` or `kernel.udp-port` says what stands in the way. */
export function openTunnel(options: TunnelOptions): Tunnel {
  const native = loadNative();
  const { address, port, namespace } = options;
  const open = () => native.openForwarder(options.device, address, port, options.onlyPeers ?? false);
  let opened: ReturnType<typeof open>;
  try {
    opened = namespace === undefined ? open() : native.inNamespace(namespace, open);
  } catch (error) {
    throw openFault(error, { device: options.device, endpoint: `${formatIpv4(address)}:${port}` });
  }
  const [fd, device] = opened;
  let closed = false;
  let applied: { readonly head: string; readonly records: Uint8Array } | undefined;
  const ended = (): void => {
    native.unpoll(fd);
    options.onEnd?.(endFault(device, native.forwarderState(fd).endError));
  };
  native.poll(fd, ended, false);
  return {
    device,
    apply({ peers, source = 0, mtu }) {
      const records = encodePeers(peers);
      const head = `${source} ${mtu}`;
      if (applied?.head === head && Buffer.compare(applied.records, records) === 0) return false;
      native.setForwarderPeers(fd, source, mtu, records);
      applied = { head, records };
      return true;
    },
    counters: () => native.forwarderState(fd),
    close() {
      if (closed) return;
      closed = true;
      native.unpoll(fd);
      native.closeForwarder(fd);
    },
  };
}
