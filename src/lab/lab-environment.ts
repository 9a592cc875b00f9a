/** The variables with which etcdctl and weft work inside a lab without a flag. */
import { dirname } from 'node:path';
import { CONTROL_SOCKET_VARIABLE } from '#agent/control/protocol.ts';
import { dockerHost } from './docker/engine-plan.ts';
import { clientFiles, endpointsOf } from './etcd-access.ts';
import type { LabPlan } from './plan.ts';
import { LAB_MARK, type LabState } from './state.ts';
import { weftProgram } from './weft-program.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** `base` with the lab's own on top; `where` shows in the prompt of a shell. */
export function labEnvironment(state: LabState, where: string, base: Environment): Environment {
  const { caFile, certFile, keyFile } = clientFiles(state.plan);
  const { etcdApi } = state.plan;
  const endpoints = endpointsOf(state.plan).join(',');
  const agent = state.plan.hosts.find((host) => host.name === where);
  return {
    ...base,
    [LAB_MARK]: state.id,
    ...dockerEnvironment(state.plan, where),
    WEFT_LAB: state.plan.name,
    PATH: `${dirname(weftProgram())}:${base['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
    // Debian's bash puts this in front of its prompt.
    debian_chroot: where,
    ETCDCTL_API: etcdApi === 'v2' ? '2' : '3',
    ETCDCTL_ENDPOINTS: endpoints,
    // Each of etcdctl's two generations warns of the other's variables.
    ...(etcdApi === 'v2'
      ? { ETCDCTL_CA_FILE: caFile, ETCDCTL_CERT_FILE: certFile, ETCDCTL_KEY_FILE: keyFile }
      : { ETCDCTL_CACERT: caFile, ETCDCTL_CERT: certFile, ETCDCTL_KEY: keyFile }),
    // In a Pod and at the switch there is no agent.
    [CONTROL_SOCKET_VARIABLE]: agent?.controlSocket,
    FLANNELD_ETCD_API: etcdApi,
    FLANNELD_ETCD_ENDPOINTS: endpoints,
    FLANNELD_ETCD_PREFIX: state.plan.prefix,
    FLANNELD_ETCD_CAFILE: caFile,
    FLANNELD_ETCD_CERTFILE: certFile,
    FLANNELD_ETCD_KEYFILE: keyFile,
  };
}

/** On a host and in its Pod `docker` speaks to the daemon of that host. */
function dockerEnvironment({ pods, hosts }: LabPlan, where: string): Environment {
  const host = hosts.find(({ name, pod }) => name === where || pod.name === where);
  return pods === 'docker' && host !== undefined ? { DOCKER_HOST: dockerHost(host) } : {};
}
