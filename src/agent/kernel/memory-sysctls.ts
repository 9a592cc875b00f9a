/** The sysctls of MemoryKernel: those of interfaces, with what Linux takes along when forwarding is switched for all. */

/** `net/ipv4/ip_forward` is another name of this one. */
const IPV4_FORWARDING = 'net/ipv4/conf/all/forwarding';
const OF_INTERFACE = /^net\/(ipv4|ipv6)\/conf\/([^/]+)\/(forwarding|accept_ra)$/;

export class MemorySysctls {
  readonly #values = new Map<string, string>();
  readonly #hasDevice: (name: string) => boolean;

  /** `given`: values by path; forwarding is on and routers are listened to where nothing is said. */
  constructor(given: Readonly<Record<string, string>>, hasDevice: (name: string) => boolean) {
    this.#hasDevice = hasDevice;
    for (const [name, value] of Object.entries(given)) this.#set(name, value);
  }

  /** Undefined when there is no such file. */
  read(name: string): string | undefined {
    const path = name === 'net/ipv4/ip_forward' ? IPV4_FORWARDING : name;
    const [, family, device = '', leaf] = OF_INTERFACE.exec(path) ?? [];
    if (family === undefined || (device !== 'all' && !this.#hasDevice(device))) return undefined;
    return this.#values.get(path) ?? this.#values.get(`net/${family}/conf/default/${leaf}`) ?? '1';
  }

  /** False when there is no such file. */
  write(name: string, value: string): boolean {
    if (this.read(name) === undefined) return false;
    this.#set(name, value);
    return true;
  }

  #set(name: string, value: string): void {
    const path = name === 'net/ipv4/ip_forward' ? IPV4_FORWARDING : name;
    const [, family, device, leaf] = OF_INTERFACE.exec(path) ?? [];
    if (device === 'all' && leaf === 'forwarding') {
      for (const other of [...this.#values.keys()]) {
        if (other.startsWith(`net/${family}/conf/`) && other.endsWith('/forwarding')) this.#values.delete(other);
      }
      this.#values.set(`net/${family}/conf/default/forwarding`, value);
    }
    this.#values.set(path, value);
  }
}
