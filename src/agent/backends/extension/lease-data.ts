/**
 * BackendData of an extension lease: what PreStartupCommand printed, as a JSON string; absent without such a command (spec
 * §5.7).
 */
import type { Json } from '#model/lease.ts';

/** Nothing is empty text, as with flannel. */
export function parseExtensionLeaseData(
  data: Json | undefined,
): { readonly data: string } | { readonly reason: string } {
  if (data === undefined) return { data: '' };
  return typeof data === 'string' ? { data } : { reason: 'BackendData is no string' };
}
