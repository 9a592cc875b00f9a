/**
 * The engine of the wireguard backend: makes the devices, gives them keys, ports and peers, and changes only what differs.
 * Nothing is ever deleted and made again, so a restart of the agent interrupts no traffic; at its end everything stays.
 *
 * WireGuard sends no events. So it is looked at now and then, and what somebody changed with `wg set` wakes the agent.
 */
import type { Engine } from '#agent/backends/engine.ts';
import type { EngineState, WireguardEngineState } from '#agent/backends/engine-state.ts';
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import { changeText } from '#wireguard/change-text.ts';
import type { ObservedDevice, PeerChange, RefusedPeer, WireguardChange } from '#wireguard/device.ts';
import { defersKeepalive, diffDevice } from '#wireguard/diff.ts';
import { publicKeyOf, type WireguardKey } from '#wireguard/key.ts';
import { loadPrivateKey } from '#wireguard/private-key-file.ts';
import { chooseWay, type WayOptions, type WireguardWay } from '#wireguard/way.ts';

export interface WireguardEngineOptions extends Omit<WayOptions, 'names'> {
  /** Usually DEFAULT_KEY_FILE. */
  readonly keyFile: string;
  readonly log: Log;
  readonly clock: Clock;
}

/** Those that the backend can ask for: what of them it does not ask for is removed. */
export const WIREGUARD_DEVICES: readonly string[] = ['flannel-wg', 'flannel-wg-v6'];

const LOOK_EVERY_MS = 60_000;
/** After a change: handshakes are over by then, so that deferred keepalives may follow. */
const LOOK_AGAIN_MS = 1_000;

type WantedDevice = WireguardEngineState['devices'][number];

/** Faults: `wireguard.key`, `wireguard.missing`. */
export async function openWireguardEngine(options: WireguardEngineOptions): Promise<Engine> {
  const { keyFile, log } = options;
  const { privateKey, generated, exposed } = loadPrivateKey(keyFile);
  const publicKey = publicKeyOf(privateKey);
  if (generated) log.info('wireguard key made', { file: keyFile, publicKey });
  if (exposed) log.warn('others can read the wireguard key', { file: keyFile, remedy: `chmod 0400 ${keyFile}` });
  const way = await chooseWay({ ...options, names: WIREGUARD_DEVICES });
  log.info('wireguard chosen', { way: way.type, why: way.why });
  return new WireguardEngine(options, way, privateKey, publicKey);
}

class WireguardEngine implements Engine {
  readonly identity: WireguardKey;
  readonly #privateKey: WireguardKey;
  readonly #way: WireguardWay;
  readonly #log: Log;
  readonly #clock: Clock;
  #devices: readonly WantedDevice[] = [];
  /** By device: the endpoint that each peer was last wanted to have. */
  readonly #endpoints = new Map<string, ReadonlyMap<WireguardKey, string>>();
  /** Device and peer: written without the keepalive, which is to follow. */
  readonly #deferred = new Set<string>();
  /** What was said about peers that the device does not take, so that it is said once. */
  #refusals: ReadonlySet<string> = new Set();
  #busy = false;
  #endLooks: () => void = () => {};
  #listener: (() => void) | undefined;

  constructor(options: WireguardEngineOptions, way: WireguardWay, privateKey: WireguardKey, publicKey: WireguardKey) {
    this.identity = publicKey;
    this.#privateKey = privateKey;
    this.#way = way;
    this.#log = options.log;
    this.#clock = options.clock;
  }

  async converge(wanted: EngineState): Promise<number> {
    if (wanted.type !== 'wireguard') throw new Error(`a state for the engine ${wanted.type}`);
    this.#busy = true;
    try {
      this.#devices = wanted.devices;
      const names = new Set(wanted.devices.map(({ name }) => name));
      let changes = 0;
      for (const name of WIREGUARD_DEVICES) {
        if (names.has(name) || !(await this.#way.remove(name))) continue;
        this.#log.info('wireguard device removed', { device: name });
        changes += 1;
      }
      for (const device of wanted.devices) changes += await this.#convergeDevice(device);
      return changes;
    } finally {
      this.#busy = false;
    }
  }

  watch(listener: () => void): void {
    this.#listener = listener;
    this.#lookIn(LOOK_EVERY_MS);
  }

  close(): void {
    this.#listener = undefined;
    this.#endLooks();
    this.#way.close();
  }

  #lookIn(ms: number): void {
    this.#endLooks();
    this.#endLooks = this.#clock.after(ms, () => {
      this.#lookIn(LOOK_EVERY_MS);
      if (this.#busy) return;
      this.#differs().then(
        (differs) => differs && this.#listener?.(),
        (error: unknown) => {
          if (!(error instanceof Fault)) throw error;
          // A pass finds the same and reports it.
          this.#listener?.();
        },
      );
    });
  }

  async #convergeDevice(device: WantedDevice): Promise<number> {
    const { name } = device;
    const made = await this.#way.make(name);
    if (made) this.#log.info('wireguard device made', { device: name, way: this.#way.type });
    const observed = await this.#way.control.read(name);
    if (observed === undefined) throw new Fault('wireguard.device', { what: `the device ${name} vanished` });
    const change = this.#change(device, observed);
    const done = change === undefined ? 0 : changeText(name, this.#withoutDeferred(name, change)).length;
    if (change !== undefined) {
      this.#rememberDeferred(device, observed);
      this.#report(name, await this.#way.control.write(name, change));
      if (this.#listener !== undefined) this.#lookIn(LOOK_AGAIN_MS);
    }
    if (device.peers !== undefined) {
      this.#endpoints.set(name, new Map(device.peers.map(({ publicKey, endpoint }) => [publicKey, endpoint])));
    }
    return (made ? 1 : 0) + done;
  }

  /** A keepalive that follows ends a change that was counted already; it is nobody's damage. */
  #withoutDeferred(device: string, change: WireguardChange): WireguardChange {
    const follows = (peer: PeerChange): boolean => {
      const waited = this.#deferred.delete(`${device} ${peer.publicKey}`);
      return waited && peer.type === 'set';
    };
    return { ...change, peers: change.peers.filter((peer) => !follows(peer)) };
  }

  #rememberDeferred({ name, peers = [] }: WantedDevice, observed: ObservedDevice): void {
    const known = new Map(observed.peers.map((peer) => [peer.publicKey, peer]));
    for (const peer of peers) {
      const { publicKey } = peer;
      if (defersKeepalive(peer, known.get(publicKey), this.identity)) this.#deferred.add(`${name} ${publicKey}`);
    }
  }

  #change({ name, listenPort, peers }: WantedDevice, observed: ObservedDevice): WireguardChange | undefined {
    const desired = { privateKey: this.#privateKey, listenPort, peers: peers ?? observed.peers };
    const wanted = this.#endpoints.get(name) ?? new Map<WireguardKey, string>();
    return diffDevice(desired, observed, { nowMs: Date.now(), publicKey: this.identity, wanted });
  }

  async #differs(): Promise<boolean> {
    for (const device of this.#devices) {
      const observed = await this.#way.control.read(device.name);
      if (observed === undefined || this.#change(device, observed) !== undefined) return true;
    }
    return false;
  }

  #report(device: string, refused: readonly RefusedPeer[]): void {
    const prefix = `${device} `;
    const said = new Set([...this.#refusals].filter((line) => !line.startsWith(prefix)));
    for (const { publicKey, reason } of refused) {
      const line = `${prefix}${publicKey} ${reason}`;
      said.add(line);
      if (!this.#refusals.has(line)) this.#log.warn('wireguard peer refused', { device, publicKey, reason });
    }
    this.#refusals = said;
  }
}
