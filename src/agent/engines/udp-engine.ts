/**
 * The engine of the udp backend: a tunnel (src/tun) that follows what the backend wants. Its device lives as long as this
 * process, as flannel's does: while the agent is down, inner packets have no way.
 */
import type { Engine } from '#agent/backends/engine.ts';
import type { EngineState, UdpEngineState } from '#agent/backends/engine-state.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Clock } from '#runtime/clock.ts';
import type { Log } from '#runtime/log.ts';
import { openTunnel, type Tunnel } from '#tun/tunnel.ts';
import { TroubleReport } from './trouble-report.ts';

export interface UdpEngineOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Drops what comes from no peer's address; flannel takes it. Default false. */
  readonly onlyPeers?: boolean;
  /** Path of the network namespace; default is this process's. */
  readonly namespace?: string;
}

/** An engine without a device yet: it is made by the first `converge`. */
export function openUdpEngine(options: UdpEngineOptions): Engine {
  return new UdpEngine(options);
}

class UdpEngine implements Engine {
  readonly identity = undefined;
  readonly #options: UdpEngineOptions;
  readonly #troubles: TroubleReport;
  #tunnel: Tunnel | undefined;
  /** What the tunnel was opened with. */
  #opened = '';
  #listener = (): void => undefined;

  constructor(options: UdpEngineOptions) {
    this.#options = options;
    this.#troubles = new TroubleReport(options);
  }

  converge(wanted: EngineState): number {
    if (wanted.type !== 'udp') throw new Error(`the udp engine was handed a state of ${wanted.type}`);
    const opening = `${wanted.device} ${wanted.local} ${wanted.port}`;
    // The word that it has ended may still be on its way.
    const open = this.#opened === opening && this.#tunnel?.counters().endError === 0 ? this.#tunnel : undefined;
    const tunnel = open ?? this.#open(wanted);
    this.#tunnel = tunnel;
    this.#opened = opening;
    const applied = tunnel.apply({ peers: wanted.peers, source: wanted.own, mtu: wanted.mtu });
    return (open === undefined ? 1 : 0) + (applied ? 1 : 0);
  }

  watch(listener: () => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.#troubles.stop();
    this.#tunnel?.close();
    this.#tunnel = undefined;
  }

  #open({ device, local, port }: UdpEngineState): Tunnel {
    const { namespace, onlyPeers, log } = this.#options;
    this.close();
    const tunnel: Tunnel = openTunnel({
      device,
      address: local,
      port,
      ...(namespace === undefined ? {} : { namespace }),
      ...(onlyPeers === undefined ? {} : { onlyPeers }),
      onEnd: (fault) => {
        log.warn(fault.message, { why: fault.why });
        if (this.#tunnel === tunnel) this.close();
        this.#listener();
      },
    });
    log.info('udp tunnel is open', { device: tunnel.device, address: `${formatIpv4(local)}:${port}` });
    this.#troubles.watch(tunnel);
    return tunnel;
  }
}
