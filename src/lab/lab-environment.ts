/** The variables that make etcdctl and weft work inside a lab without a flag. */
import { dirname } from 'node:path';
import { clientFiles, endpointsOf } from './etcd-access.ts';
import type { LabPlan } from './plan.ts';
import { LAB_MARK, type LabState } from './state.ts';
import { weftProgram } from './weft-program.ts';

export function labEnvironment(state: LabState, path: string): Readonly<Record<string, string>> {
  return {
    ...etcdEnvironment(state.plan),
    [LAB_MARK]: state.id,
    WEFT_LAB: state.plan.name,
    PATH: `${dirname(weftProgram())}:${path}`,
  };
}

function etcdEnvironment(plan: LabPlan): Readonly<Record<string, string>> {
  const { caFile, certFile, keyFile } = clientFiles(plan);
  const endpoints = endpointsOf(plan).join(',');
  return {
    ETCDCTL_API: '3',
    ETCDCTL_ENDPOINTS: endpoints,
    ETCDCTL_CACERT: caFile,
    ETCDCTL_CERT: certFile,
    ETCDCTL_KEY: keyFile,
    FLANNELD_ETCD_ENDPOINTS: endpoints,
    FLANNELD_ETCD_PREFIX: plan.prefix,
    FLANNELD_ETCD_CAFILE: caFile,
    FLANNELD_ETCD_CERTFILE: certFile,
    FLANNELD_ETCD_KEYFILE: keyFile,
  };
}
