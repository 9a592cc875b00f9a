/** Whether this kernel has what a backend needs, tried out before anything of a lab is made. */
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

/** Kinds of device that backends make and that a kernel may lack. */
const DEVICES: ReadonlyMap<string, readonly string[]> = new Map([
  ['ipip', ['type', 'ipip', 'local', '127.0.0.1', 'remote', '127.0.0.2']],
]);

/** Fault `kernel.device-kind` with the kernel's own words; the device is tried in a namespace that ends with the command. */
export async function requireKernelSupport(backend: string): Promise<void> {
  const device = DEVICES.get(backend);
  if (device === undefined) return;
  const argv = ['unshare', '--net', '--', 'ip', 'link', 'add', 'probe0', ...device];
  const output = await runCommand({ argv, why: `see whether this kernel has ${backend} devices` });
  if (output.code === 0) return;
  throw new Fault('kernel.device-kind', {
    what: `this kernel has no ${backend.toUpperCase()}, so a lab with --backend ${backend} cannot be`,
    where: argv.slice(3).join(' '),
    why: output.stderr.trim().slice(0, 400),
    remedy: `load its module (modprobe ${backend}), or choose another backend: vxlan, host-gw, udp, wireguard`,
  });
}
