/** The host as the plugin acts on it: rtnetlink, kernel settings and iptables, in the agent's own network namespace or a given one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { CNI_CODES, CniError, errorText } from '#cni/protocol/error.ts';
import type { Family } from '#model/ip.ts';
import { LinkRemover } from '#netlink/link-remover.ts';
import { loadNative } from '#netlink/native.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import { runCommand } from '#runtime/command.ts';
import { namespaceAt } from './container-namespace.ts';

export class HostSide {
  /** Path of the host's namespace; undefined: the one of this process. */
  readonly namespace: string | undefined;
  readonly #links: LinkRemover;
  #socket: NetlinkSocket | undefined;

  constructor(namespace?: string) {
    this.namespace = namespace;
    this.#links = new LinkRemover(namespace);
  }

  /** Which namespace it is, as `ContainerNamespace` has it. */
  get identity(): string | undefined {
    return namespaceAt(this.namespace ?? '/proc/self/ns/net');
  }

  /** Takes the host's links away. */
  get links(): LinkRemover {
    return this.#links;
  }

  get socket(): NetlinkSocket {
    this.#socket ??= new NetlinkSocket(this.namespace);
    return this.#socket;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Calls `run`, which must be synchronous, in the host's namespace: what it reads and writes in /proc/sys/net is the host's. */
  within<Result>(run: () => Result): Result {
    return this.namespace === undefined ? run() : loadNative().inNamespace(this.namespace, run);
  }

  /** `setting` as a path below /proc/sys; written only when it differs. Throws CniError 999. */
  mustSet(setting: string, value: string): void {
    this.within(() => {
      const path = `/proc/sys/${setting}`;
      try {
        if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
      } catch (error) {
        throw new CniError(CNI_CODES.internal, `failed to set ${setting} to ${value}`, errorText(error));
      }
    });
  }

  /** What iptables-save prints of the table nat. */
  async savedRules(family: Family): Promise<string> {
    return this.#run([`${tool(family)}-save`, '-t', 'nat'], '');
  }

  /** In one transaction, beside what is there. */
  async restoreRules(family: Family, text: string): Promise<void> {
    await this.#run([`${tool(family)}-restore`, '--noflush', '--wait', '5'], text);
  }

  async #run(argv: readonly string[], stdin: string): Promise<string> {
    const enter = this.namespace === undefined ? [] : ['nsenter', `--net=${this.namespace}`];
    const { code, stdout, stderr } = await runCommand({
      argv: [...enter, ...argv],
      stdin,
      why: 'set rules of a container',
    });
    if (code === 0) return stdout;
    throw new CniError(CNI_CODES.internal, `${argv[0]} failed with exit code ${code}`, stderr.trim().slice(-600));
  }
}

/** A setting that some kernels do not have, or that does not have to be: what cannot be written stays. */
export function trySet(setting: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${setting}`, value);
  } catch {
    // As the plugin bridge has it.
  }
}

function tool(family: Family): string {
  return family === 'ipv4' ? 'iptables' : 'ip6tables';
}
