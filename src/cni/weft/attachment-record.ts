/**
 * What is remembered of every container that has been attached: a file each, written before anything is made and again when
 * all is made, so that whatever a crash leaves can be found, checked and taken down.
 */
import { parseObject, textMember } from '#cni/protocol/configuration.ts';
import { formatIp, type Ip, parseIp } from '#model/ip.ts';
import { memberOf } from '#model/json-document.ts';
import type { Owner } from './address-folder.ts';
import type { Files } from './files.ts';

export interface AttachmentRecord extends Owner {
  /** Path of the container's namespace, and which namespace it was: `4:4026532345`. */
  readonly netns: string;
  readonly namespace: string;
  /** The cable's end on the host. */
  readonly veth: string;
  /** Undefined until it is attached: then it may have addresses that nobody noted. */
  readonly addresses: readonly Ip[] | undefined;
  /** Whether there are traffic rules of its own. */
  readonly rules: boolean;
  /** The result of ADD in its own version, JSON; empty until it is attached. */
  readonly result: string;
}

const FORMAT = 1;

export class AttachmentRecords {
  readonly #folder: string;
  readonly #files: Files;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  /** False when there is one of that container and interface: it is attached, or its ADD did not end. */
  begin(record: AttachmentRecord): boolean {
    this.#files.makeFolder(this.#folder, 0o700);
    return this.#files.create(this.#path(record), encode(record));
  }

  complete(record: AttachmentRecord): void {
    this.#files.replace(this.#path(record), encode(record));
  }

  find(owner: Owner): AttachmentRecord | undefined {
    const text = this.#files.read(this.#path(owner));
    return text === undefined ? undefined : (decode(text, owner) ?? unreadable(owner));
  }

  list(): readonly AttachmentRecord[] {
    return this.#files.list(this.#folder).flatMap((name) => {
      // What starts with a dot is a file that was not put in its place.
      const [, containerId, ifname] = /^([^.:][^:]*):([^:]+)$/.exec(name) ?? [];
      if (containerId === undefined || ifname === undefined) return [];
      return this.find({ containerId, ifname }) ?? [];
    });
  }

  remove(owner: Owner): void {
    this.#files.remove(this.#path(owner));
  }

  /** Neither an id nor a name of an interface has a colon. */
  #path({ containerId, ifname }: Owner): string {
    return `${this.#folder}/${containerId}:${ifname}`;
  }
}

function encode({ addresses, ...record }: AttachmentRecord): string {
  return JSON.stringify({ format: FORMAT, ...record, addresses: addresses?.map(formatIp) });
}

function decode(text: string, { containerId, ifname }: Owner): AttachmentRecord | undefined {
  try {
    const members = parseObject(text, 'record');
    const addresses = memberOf(members, 'addresses');
    const texts = ['netns', 'namespace', 'veth', 'result'].map((name) => textMember(members, name));
    const [netns, namespace, veth, result] = texts;
    if (memberOf(members, 'format') !== FORMAT || netns === undefined || namespace === undefined) return undefined;
    if (veth === undefined || result === undefined) return undefined;
    return {
      containerId,
      ifname,
      netns,
      namespace,
      veth,
      addresses: Array.isArray(addresses) ? addresses.flatMap((each) => parseIp(String(each)) ?? []) : undefined,
      rules: memberOf(members, 'rules') === true,
      result,
    };
  } catch {
    return undefined;
  }
}

/** Torn by a loss of power, or of a newer version: what is known is the container, so everything of it is looked for. */
function unreadable(owner: Owner): AttachmentRecord {
  return { ...owner, netns: '', namespace: '', veth: '', addresses: undefined, rules: true, result: '' };
}
