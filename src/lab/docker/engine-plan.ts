/** The docker daemon of a lab host as a value: its files, and the command line that keeps it apart from all others. Pure. */
import { parseEnvironmentFile } from '#docker/environment-file.ts';
import type { HostPlan, LabPlan } from '#lab/plan.ts';

export interface EngineFiles {
  readonly directory: string;
  readonly socket: string;
  readonly log: string;
  /** Docker's options made from the lease, as `weft docker-opts` writes them. */
  readonly options: string;
  /** A daemon.json of its own: the one in /etc is this machine's. */
  readonly configuration: string;
  readonly notifySocket: string;
}

/** Image of the containers; made from busybox on the spot. */
export const POD_IMAGE = 'weft-pod';

export function engineFiles(host: HostPlan): EngineFiles {
  const directory = `${host.directory}/docker`;
  return {
    directory,
    socket: `${directory}/docker.sock`,
    log: `${host.directory}/docker.log`,
    options: `${directory}/options`,
    configuration: `${directory}/daemon.json`,
    notifySocket: `${directory}/notify`,
  };
}

/** Where docker clients find the daemon of a host. */
export function dockerHost(host: HostPlan): string {
  return `unix://${engineFiles(host).socket}`;
}

/** Cgroup that all containers of a lab are below, whoever starts them: what `down` finds them by. */
export function labCgroup({ name }: Pick<LabPlan, 'name'>): string {
  return `weft-lab-${name}`;
}

/** The part of it that is one host's. */
export function hostCgroup(plan: Pick<LabPlan, 'name'>, host: HostPlan): string {
  return `${labCgroup(plan)}/${host.name}`;
}

/** Environment variable of a daemon and of what it starts beside containers; its value tells the daemon from all others. */
export const ENGINE_MARK = 'WEFT_LAB_ENGINE';

/**
 * Mounts of its own, so that none outlive it: what docker mounts goes with its last process, also after SIGKILL. Umounts
 * of others come in, or the daemon would hold on to their namespaces. Sockets of containerd's shims and docker's key, whose
 * places nothing else changes, end there as well.
 */
const PRIVATE_MOUNTS = [
  'mkdir -p /run/containerd "$0/etc" "$0/work"',
  'mount -t tmpfs weft /run/containerd',
  'mount -t overlay weft -o "lowerdir=/etc,upperdir=$0/etc,workdir=$0/work" /etc',
  'exec "$@"',
].join(' && ');

/** The daemon's command line; `options` is the text of the file that `weft docker-opts` writes. */
export function engineArgv(plan: LabPlan, host: HostPlan, options: string): readonly string[] {
  const { directory, configuration } = engineFiles(host);
  const network = (parseEnvironmentFile(options).get('DOCKER_NETWORK_OPTIONS') ?? '').split(' ');
  return [
    ...['unshare', '--mount', '--propagation', 'slave', '--', 'sh', '-c', PRIVATE_MOUNTS, `${directory}/mounts`],
    'dockerd',
    `--host=${dockerHost(host)}`,
    `--config-file=${configuration}`,
    `--data-root=${directory}/data`,
    `--exec-root=${directory}/exec`,
    `--pidfile=${directory}/pid`,
    `--cgroup-parent=/${hostCgroup(plan, host)}`,
    // A daemon that finds systemd wants a slice as parent.
    '--exec-opt=native.cgroupdriver=cgroupfs',
    ...network.filter((word) => word !== ''),
  ];
}
