/** The backends there are, and those of flannel that there are not. */
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';
import { allocBackend } from './alloc/backend.ts';
import type { Backend, BackendType } from './backend.ts';
import { extensionBackend } from './extension/backend.ts';
import { hostGwBackend } from './host-gw/backend.ts';
import { ipipBackend } from './ipip/backend.ts';
import { udpBackend } from './udp/backend.ts';
import { vxlanBackend } from './vxlan/backend.ts';
import { wireguardBackend } from './wireguard/backend.ts';

const BACKENDS: readonly BackendType[] = [
  vxlanBackend,
  hostGwBackend,
  udpBackend,
  ipipBackend,
  wireguardBackend,
  allocBackend,
  extensionBackend,
];

export const BACKEND_TYPES: readonly string[] = BACKENDS.map((backend) => backend.type);

/** flannel's other backends, by what serves their users here. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['ipsec', 'it needs strongSwan; wireguard encrypts without it'],
  ['tencent-vpc', 'it calls a cloud API; use vxlan, or alloc with routes of your own'],
  ['aws-vpc', 'flannel removed it in 0.20; use vxlan, or alloc with routes of your own'],
  ['ali-vpc', 'flannel removed it in 0.20; use vxlan, or alloc with routes of your own'],
  ['gce', 'flannel removed it in 0.20; use vxlan, or alloc with routes of your own'],
]);

/** The backend of a network document, or all that is wrong with its `Backend` object. */
export function openBackend(
  config: NetworkConfig,
): { readonly backend: Backend } | { readonly problems: readonly ConfigProblem[] } {
  const { type } = config.backend;
  const backend = BACKENDS.find((candidate) => candidate.type === type);
  if (backend !== undefined) return backend.open(config);
  const instead = INSTEAD.get(type);
  const known = `use ${BACKEND_TYPES.join(', ')}`;
  const reason = instead === undefined ? `unknown backend type: ${known}` : `not supported: ${instead}; ${known}`;
  return { problems: [{ field: 'Backend.Type', value: JSON.stringify(type), reason }] };
}
