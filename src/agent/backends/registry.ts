/** The backends there are. */
import type { BackendConfig, ConfigProblem } from '#model/network-config.ts';
import type { Backend, BackendType } from './backend.ts';
import { vxlanBackend } from './vxlan/backend.ts';

const BACKENDS: readonly BackendType[] = [vxlanBackend];

export const BACKEND_TYPES: readonly string[] = BACKENDS.map((backend) => backend.type);

/** The backend of a network document, or all that is wrong with its `Backend` object. */
export function openBackend(
  config: BackendConfig,
): { readonly backend: Backend } | { readonly problems: readonly ConfigProblem[] } {
  const backend = BACKENDS.find((candidate) => candidate.type === config.type);
  if (backend !== undefined) return backend.open(config);
  const reason = `unknown backend type: use ${BACKEND_TYPES.join(', ')}`;
  return { problems: [{ field: 'Backend.Type', value: JSON.stringify(config.type), reason }] };
}
