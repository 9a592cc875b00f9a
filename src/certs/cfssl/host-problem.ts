/** What a certificate can be valid for: names, addresses, mail addresses; no URLs, no ports. */
import { isIP } from 'node:net';

const DNS_NAME = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** Why this is nothing that a certificate can be valid for; undefined when it is. */
export function hostProblem(host: string): string | undefined {
  if (host === '') return 'is empty';
  const shown = JSON.stringify(host.slice(0, 80));
  if (isIP(host) !== 0) return host.includes('%') ? `${shown} holds for one link only: give it without %` : undefined;
  if (host.includes('://')) return `${shown} is a URL: give the name or address alone`;
  if (/^[^:]+:\d+$/.test(host) || /^\[.*\]/.test(host))
    return `${shown} has a port or brackets: give the name or address alone`;
  if (/^[\d.]+(\/\d+)?$/.test(host)) return `${shown} is no IP address`;
  if (/^[^@\s]+@[^@\s]+$/.test(host)) return undefined;
  return host.length <= 253 && DNS_NAME.test(host) ? undefined : `${shown} is neither a name nor an address`;
}
