/**
 * PathKernel on the kernel's BPF machine. Programs are attached by links (tcx): a link is ours as long as its descriptor is
 * open, so that with this process, however it ends, the fast path ends too and packets go the ordinary way.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attachedTo, attachIngress, deleteFromMap, keysOf, readMap, writeMap } from '#bpf/calls.ts';
import { type LoadedObject, loadObject } from '#bpf/load.ts';
import { type BpfObject, readBpfObject } from '#bpf/object.ts';
import type { Ipv4Cidr } from '#model/cidr.ts';
import { watchNetwork } from '#netlink/events.ts';
import { RTM_DELLINK, RTM_DELNEIGH, RTM_NEWLINK, RTM_NEWNEIGH } from '#netlink/message.ts';
import { loadNative } from '#netlink/native.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import { Fault } from '#runtime/fault.ts';
import { lookAround } from './look-around.ts';
import { NO_COUNTERS, type PathCounters, type PathKernel, type Surroundings } from './path-kernel.ts';
import { decodeEndpoint, decodeFabric, encodeAddress, encodeEndpoint, encodeFabric } from './path-records.ts';
import type { ObservedPath, PathOperation, PathProgram } from './path-state.ts';

/** Where the functions of conntrack are when they are not in the kernel itself. */
const CONNTRACK = 'nf_conntrack';
const COUNTERS = 5;
/** The most that Linux is built for. */
const MOST_PROCESSORS = 8192;
const FIRST = Buffer.alloc(4);
const WATCHED: readonly number[] = [RTM_NEWLINK, RTM_DELLINK, RTM_NEWNEIGH, RTM_DELNEIGH];

interface Attachment {
  readonly program: PathProgram;
  readonly link: number;
}

export class BpfPathKernel implements PathKernel {
  readonly room: number;
  readonly #object: BpfObject;
  readonly #namespace: string | undefined;
  readonly #socket: NetlinkSocket;
  readonly #attachments = new Map<number, Attachment>();
  #loaded: LoadedObject | undefined;

  /** In the network namespace at that path, by default the own. Fault `kernel.bpf-object`, `kernel.netlink`. */
  constructor(namespace?: string) {
    this.#namespace = namespace;
    const path = findObject();
    this.#object = readBpfObject(readFileSync(path), path);
    this.room = this.#object.maps.find(({ name }) => name === 'pods')?.entries ?? 0;
    this.#socket = new NetlinkSocket(namespace);
  }

  lookAround(subnet: Ipv4Cidr, tunnel: string): Surroundings {
    return lookAround(this.#socket, subnet, tunnel);
  }

  observe(): ObservedPath {
    const loaded = this.#loaded;
    if (loaded === undefined) return { fabric: undefined, endpoints: [], attached: new Map() };
    const [fabrics, pods] = [mapOf(loaded, 'fabric_map'), mapOf(loaded, 'pods')];
    const fabric = decodeFabric(readMap(fabrics, FIRST, 20) ?? Buffer.alloc(20));
    return {
      fabric: fabric.tunnel === 0 ? undefined : fabric,
      endpoints: keysOf(pods, 4, this.room).flatMap((key) => {
        const value = readMap(pods, key, 20);
        return value === undefined ? [] : [decodeEndpoint(key, value)];
      }),
      attached: this.#attached(),
    };
  }

  apply(operations: readonly PathOperation[]): void {
    if (operations.length === 0) return;
    this.#loaded ??= loadObject(this.#object, CONNTRACK);
    const loaded = this.#loaded;
    const pods = mapOf(loaded, 'pods');
    for (const operation of operations) {
      switch (operation.type) {
        case 'fabric-write':
          writeMap(mapOf(loaded, 'fabric_map'), FIRST, encodeFabric(operation.fabric));
          break;
        case 'endpoint-write':
          writeMap(pods, encodeAddress(operation.endpoint.address), encodeEndpoint(operation.endpoint));
          break;
        case 'endpoint-delete':
          deleteFromMap(pods, encodeAddress(operation.address));
          break;
        case 'attach':
          this.#detach(operation.device);
          this.#attach(loaded, operation.program, operation.device);
          break;
        case 'detach':
          this.#detach(operation.device);
          break;
      }
    }
  }

  counters(): PathCounters {
    if (this.#loaded === undefined) return NO_COUNTERS;
    const map = mapOf(this.#loaded, 'counters');
    const [sentPackets = 0, sentBytes = 0, receivedPackets = 0, receivedBytes = 0, trackedPackets = 0] = Array.from(
      { length: COUNTERS },
      (_, counter) => sumOf(map, counter),
    );
    return { sentPackets, sentBytes, receivedPackets, receivedBytes, trackedPackets };
  }

  watch(listener: () => void): () => void {
    return watchNetwork(listener, {
      ...(this.#namespace === undefined ? {} : { namespace: this.#namespace }),
      concerns: ({ type }) => WATCHED.includes(type),
    });
  }

  close(): void {
    for (const device of [...this.#attachments.keys()]) this.#detach(device);
    this.#loaded?.close();
    this.#loaded = undefined;
    this.#socket.close();
  }

  /** Those whose device is gone, or that somebody detached, are let go of. */
  #attached(): ReadonlyMap<number, PathProgram> {
    for (const [device, { link }] of this.#attachments) if (attachedTo(link) !== device) this.#detach(device);
    return new Map([...this.#attachments].map(([device, { program }]) => [device, program]));
  }

  #attach(loaded: LoadedObject, program: PathProgram, device: number): void {
    const descriptor = loaded.programs.get(program);
    if (descriptor === undefined) throw damaged(`no program ${program}`);
    const attach = (): number => attachIngress(descriptor, device);
    const link = this.#namespace === undefined ? attach() : loadNative().inNamespace(this.#namespace, attach);
    this.#attachments.set(device, { program, link });
  }

  #detach(device: number): void {
    const attachment = this.#attachments.get(device);
    if (attachment === undefined) return;
    this.#attachments.delete(device);
    loadNative().close(attachment.link);
  }
}

function mapOf(loaded: LoadedObject, name: string): number {
  const map = loaded.maps.get(name);
  if (map === undefined) throw damaged(`no map ${name}`);
  return map;
}

/** The kernel gives a value for each processor that could be there; those beyond `possible` are 0. */
function sumOf(map: number, counter: number): number {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(counter);
  const value = readMap(map, key, 8 * possibleProcessors());
  let sum = 0;
  for (let at = 0; value !== undefined && at < value.length; at += 8) sum += Number(value.readBigUInt64LE(at));
  return sum;
}

/** `0-127`: the kernel writes as many values, whatever is asked. */
function possibleProcessors(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  const last = Number(text.split(/[,-]/).at(-1));
  return Number.isInteger(last) ? last + 1 : MOST_PROCESSORS;
}

function damaged(why: string): Fault {
  return new Fault('kernel.bpf-object', {
    what: 'the object file of the fast path is not the one of this program',
    why,
  });
}

/** The environment decides; else beside the bundle; else where it is among the sources. */
function findObject(): string {
  const { WEFT_FAST_PATH: named } = process.env;
  if (named !== undefined && named !== '') return named;
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [
    'fast-path.bpf.o',
    '../fast-path.bpf.o',
    '../../../native/fast-path.bpf.o',
    '../native/fast-path.bpf.o',
  ].map((name) => join(here, name));
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) {
    throw new Fault('kernel.bpf-object', {
      what: 'the object file of the fast path is missing',
      where: candidates.join(', '),
    });
  }
  return found;
}
