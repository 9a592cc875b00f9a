/** When a lease is renewed: before the margin begins, a little earlier on each host, so that a fleet does not renew at once. */

/** Every version of flannel uses 24 hours (spec §2.3). */
export const LEASE_TTL_SECONDS = 86_400;
export const LEASE_TTL_MS = LEASE_TTL_SECONDS * 1000;

/** The part of the life before the margin over which the fleet's renewals are spread. */
const SPREAD_SHARE = 0.1;

/** `grantedAt` in milliseconds; `spread` from 0 to 1 is this agent's own. */
export function renewalTime(grantedAt: number, marginMs: number, spread: number): number {
  const quietMs = LEASE_TTL_MS - marginMs;
  return grantedAt + quietMs * (1 - SPREAD_SHARE * spread);
}
