/** Says once a minute at most what of a tunnel's packets went wrong; says nothing while nothing does. */
import type { Clock } from '#runtime/clock.ts';
import type { Log } from '#runtime/log.ts';
import type { Tunnel } from '#tun/tunnel.ts';

type Counters = ReturnType<Tunnel['counters']>;

const EVERY_MS = 60_000;

/** Counters that tell of a fault somewhere, not of what users do. */
const TROUBLES = {
  oversize: 'packets longer than the MTU came in: has a peer a larger MTU?',
  unknownSource: 'datagrams came from addresses of no peer',
  malformed: 'datagrams came that hold no IPv4 packet: does something else send to this port?',
  sendFailed: 'packets could not be sent',
  deliverFailed: 'packets could not be delivered to the device',
} as const satisfies Partial<Record<keyof Counters, string>>;

const NAMES = ['oversize', 'unknownSource', 'malformed', 'sendFailed', 'deliverFailed'] as const;

export class TroubleReport {
  readonly #clock: Clock;
  readonly #log: Log;
  #cancel = (): void => undefined;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Watches this tunnel from now on, and no other. */
  watch(tunnel: Pick<Tunnel, 'device' | 'counters'>): void {
    this.stop();
    let before = tunnel.counters();
    const look = (): void => {
      const now = tunnel.counters();
      for (const name of NAMES) {
        const more = now[name] - before[name];
        if (more <= 0) continue;
        const error = name === 'sendFailed' ? { errno: now.lastSendError } : {};
        this.#log.warn(TROUBLES[name], { device: tunnel.device, count: more, ...error });
      }
      before = now;
      this.#cancel = this.#clock.after(EVERY_MS, look);
    };
    this.#cancel = this.#clock.after(EVERY_MS, look);
  }

  stop(): void {
    this.#cancel();
    this.#cancel = () => undefined;
  }
}
