/** Two hosts in namespaces, a cable between them, for tests of the udp backend's data path. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { openTunnel, type Tunnel, type TunnelOptions, type TunnelPeer } from '#tun/tunnel.ts';

export const PORT = 8285;
export const MTU = 1472;

let count = 0;

/** Host n has 192.0.2.n/24 on eth0 (MTU 1500) and the subnet 10.5.n.0/24. */
export class UdpHost {
  readonly number: number;
  readonly namespace: string;
  readonly path: string;
  readonly address: string;

  constructor(context: TestContext, number: number) {
    count += 1;
    this.number = number;
    this.namespace = `weft-udp-${process.pid}-${count}`;
    this.path = `/run/netns/${this.namespace}`;
    this.address = `192.0.2.${number}`;
    execFileSync('ip', ['netns', 'add', this.namespace]);
    context.after(() => execFileSync('ip', ['netns', 'delete', this.namespace]));
    this.ip('link set lo up');
  }

  ip(...lines: readonly string[]): void {
    execFileSync('ip', ['-n', this.namespace, '-batch', '-'], { input: lines.join('\n') });
  }

  /** What the program prints, both streams, and its exit code. */
  run(...argv: readonly string[]): { readonly code: number | null; readonly output: string } {
    const words = [`--net=${this.path}`, '--', ...argv];
    const { status, stdout, stderr } = spawnSync('nsenter', words, { encoding: 'utf8', timeout: 20_000 });
    return { code: status, output: stdout + stderr };
  }

  devices(): string {
    return this.run('ip', '-o', 'link', 'show').output;
  }

  /** A tunnel on this host, closed when the test ends. */
  tunnel(context: TestContext, options: Partial<TunnelOptions> = {}): Tunnel {
    const address = ip(this.address);
    const tunnel = openTunnel({ device: 'flannel%d', address, port: PORT, namespace: this.path, ...options });
    context.after(() => tunnel.close());
    return tunnel;
  }

  /** As the agent would: address, MTU, route, and the peers. */
  configure(tunnel: Tunnel, peers: readonly TunnelPeer[]): void {
    this.ip(
      `address add 10.5.${this.number}.0/32 dev ${tunnel.device}`,
      `link set ${tunnel.device} mtu ${MTU} up`,
      `route add 10.5.0.0/16 dev ${tunnel.device}`,
    );
    tunnel.apply({ peers, source: ip(`10.5.${this.number}.0`), mtu: MTU });
  }
}

export function cable(first: UdpHost, second: UdpHost): void {
  first.ip(`link add eth0 mtu 1500 type veth peer name eth0 netns ${second.namespace}`);
  for (const host of [first, second]) host.ip(`address add ${host.address}/24 dev eth0`, 'link set eth0 up');
}

export function peer(subnet: string, host: string, length = 24): TunnelPeer {
  return { subnet: { address: ip(subnet), length }, host: ip(host) };
}

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no IPv4 address`);
  return address;
}

/** Another implementation of the wire format: a UDP socket of Node, in a process inside the host's namespace. */
export class WirePeer {
  #child: ChildProcess;
  #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  static async start(context: TestContext, host: UdpHost, address = host.address): Promise<WirePeer> {
    const script = `
      const socket = require('node:dgram').createSocket('udp4');
      socket.on('message', (bytes) => console.log(bytes.toString('hex')));
      socket.bind(${PORT}, '${address}', () => console.log('bound'));
      require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const [target, hex] = line.split(' ');
        socket.send(Buffer.from(hex, 'hex'), ${PORT}, target);
      }).on('close', () => process.exit(0));`;
    const argv = [`--net=${host.path}`, '--', process.execPath, '-e', script];
    const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    context.after(async () => {
      const ended = once(child, 'close');
      child.stdin.end();
      await ended;
    });
    const peer = new WirePeer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await peer.#line();
    return peer;
  }

  send(target: string, datagram: Uint8Array): void {
    this.#child.stdin?.write(`${target} ${Buffer.from(datagram).toString('hex')}\n`);
  }

  /** The next datagram. */
  async receive(): Promise<Buffer> {
    return Buffer.from(await this.#line(), 'hex');
  }

  async #line(): Promise<string> {
    const timeout = AbortSignal.timeout(5_000);
    const late = new Promise<never>((_, reject) => {
      timeout.addEventListener('abort', () => reject(new Error('nothing came in five seconds')), { once: true });
    });
    const { value } = await Promise.race([this.#lines.next(), late]);
    return value ?? '';
  }
}

export interface InnerPacket {
  readonly source: string;
  readonly destination: string;
  readonly ttl?: number;
  readonly protocol?: number;
  /** In units of eight bytes. */
  readonly fragmentOffset?: number;
  readonly payload?: Uint8Array;
}

/** An IPv4 packet, its checksum right. */
export function innerPacket(packet: InnerPacket): Buffer {
  const payload = packet.payload ?? Buffer.from('0102030405060708', 'hex');
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(packet.fragmentOffset ?? 0, 6);
  header[8] = packet.ttl ?? 64;
  header[9] = packet.protocol ?? 17;
  header.writeUInt32BE(ip(packet.source), 12);
  header.writeUInt32BE(ip(packet.destination), 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** An ICMP message of that type with its checksum. */
export function icmpMessage(type: number, rest = '12340001aabbccdd'): Buffer {
  const message = Buffer.from(`${type.toString(16).padStart(2, '0')}000000${rest}`, 'hex');
  message.writeUInt16BE(internetChecksum(message), 2);
  return message;
}

/** RFC 1071; 0 over anything that holds its own checksum. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const [at, byte] of bytes.entries()) sum += at % 2 === 0 ? byte * 256 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65_536);
  return ~sum & 0xffff;
}
