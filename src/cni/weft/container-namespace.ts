/** The network namespace of a container: held open while it is worked in, so that its path may change or vanish meanwhile. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { CNI_CODES, CniError, errorText } from '#cni/protocol/error.ts';
import { loadNative } from '#netlink/native.ts';
import { NetlinkSocket, newScratch } from '#netlink/socket.ts';
import { codeOf } from './files.ts';

/** A socket lives for one request, each of its requests ends before another begins. */
const SCRATCH = newScratch();

export class ContainerNamespace {
  readonly fd: number;
  /** Which namespace it is, as long as the machine runs: `4:4026532345`. */
  readonly identity: string;
  readonly socket: NetlinkSocket;

  private constructor(fd: number, identity: string, socket: NetlinkSocket) {
    this.fd = fd;
    this.identity = identity;
    this.socket = socket;
  }

  /** Undefined when there is nothing at the path. Throws CniError 4 when it is no network namespace. */
  static open(path: string): ContainerNamespace | undefined {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw notNamespace(path, errorText(error));
    }
    try {
      const socket = loadNative().inNamespace(
        pathOf(fd),
        () => new NetlinkSocket(undefined, undefined, undefined, SCRATCH),
      );
      return new ContainerNamespace(fd, identityOf(fd), socket);
    } catch (error) {
      closeSync(fd);
      throw notNamespace(path, errorText(error));
    }
  }

  /** A path that leads to it as long as it is open. */
  get path(): string {
    return pathOf(this.fd);
  }

  /** Calls `run`, which must be synchronous, in the namespace. */
  within<Result>(run: () => Result): Result {
    return loadNative().inNamespace(this.path, run);
  }

  close(): void {
    this.socket.close();
    closeSync(this.fd);
  }
}

/** The identity of the namespace at a path; undefined when nothing can be seen there. */
export function namespaceAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function identityOf(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  return `${dev}:${ino}`;
}

function pathOf(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function notNamespace(path: string, why: string): CniError {
  return new CniError(CNI_CODES.invalidEnvironment, `CNI_NETNS: ${path} is no network namespace`, why);
}
