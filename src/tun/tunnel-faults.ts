/** What the system calls behind a tunnel say, as Faults: once, here. */
import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import { Fault } from '#runtime/fault.ts';

/** A failed open of device or socket; anything but a system error is thrown on. */
export function openFault(
  cause: unknown,
  { device, endpoint }: { readonly device: string; readonly endpoint: string },
): Fault {
  if (!(cause instanceof Error && 'syscall' in cause && 'code' in cause)) throw cause;
  const { code } = cause;
  switch (cause.syscall) {
    case 'open':
      return new Fault('kernel.tun', {
        what: `cannot open a TUN device for ${device}`,
        where: '/dev/net/tun',
        why: reason(code, { ENOENT: 'it is not there', EACCES: 'not allowed', ENODEV: 'the kernel has no TUN driver' }),
        cause,
      });
    case 'ioctl':
      return new Fault('kernel.tun', {
        what: `cannot make the TUN device ${device}`,
        where: '/dev/net/tun',
        why: reason(code, {
          EBUSY: 'another program holds a device of that name: is flanneld running?',
          EPERM: 'CAP_NET_ADMIN is missing',
          EINVAL: 'there is a device of that name which is no TUN device, or the name is not valid',
        }),
        ...(code === 'EBUSY' ? { remedy: 'stop that program, or remove its device: ip link delete' } : {}),
        cause,
      });
    default:
      return new Fault('kernel.udp-port', {
        what: 'cannot receive the datagrams of the tunnel',
        where: `${endpoint}/udp`,
        why: reason(code, {
          EADDRINUSE: 'the port is taken: is flanneld running?',
          EADDRNOTAVAIL: 'no interface has that address',
        }),
        ...(code === 'EADDRNOTAVAIL' ? { remedy: 'name the interface of the fabric with -iface' } : {}),
        cause,
      });
  }
}

/** A tunnel that ended by itself; `error` is an errno. */
export function endFault(device: string, error: number): Fault {
  const why = error === constants.errno.ENODEV ? 'somebody deleted it' : getSystemErrorMessage(-error);
  return new Fault('kernel.tun', { what: `the tunnel of ${device} has ended`, where: device, why });
}

function reason(code: unknown, words: Readonly<Record<string, string>>): string {
  return typeof code === 'string' ? (words[code] === undefined ? code : `${words[code]} (${code})`) : 'unknown';
}
