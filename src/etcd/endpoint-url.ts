/** Endpoint URLs: `https://host:2379`, `http://host:2379`, and `unix:///path` for a member on this machine. */
import { isIP } from 'node:net';
import { Fault } from '#runtime/fault.ts';

/** Where one member answers. `url` is the text it was given as, without a trailing slash. */
export type Endpoint = { readonly url: string } & (
  | { readonly type: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly type: 'unix'; readonly path: string }
);

const DEFAULT_PORT = 2379;

/** Throws a Fault `usage.flag` that names the endpoint and what is wrong with it. */
export function parseEndpoint(text: string): Endpoint {
  const given = text.trim();
  if (given === '') throw wrong(given, 'is empty');
  if (!given.includes('://')) throw wrong(given, 'has no http:// or https:// in front');
  if (!URL.canParse(given)) throw wrong(given, 'is not a URL');
  const url = new URL(given);
  if (url.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) {
    return { type: 'unix', path: decodeURIComponent(url.pathname), url: given };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong(given, `has the scheme ${url.protocol}//`);
  if (url.username !== '' || url.password !== '') throw wrong(`${url.protocol}//…`, 'holds a user or a password');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw wrong(given, 'has a path');
  const tls = url.protocol === 'https:';
  return {
    type: 'tcp',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: portOf(given, url),
    tls,
    url: given.replace(/\/$/, ''),
  };
}

/** The URL class drops a port that is the scheme's own, which is not etcd's. */
function portOf(given: string, url: URL): number {
  if (url.port !== '') return Number(url.port);
  if (!/:\d+\/?$/.test(given.replace(/\[.*\]/, ''))) return DEFAULT_PORT;
  return url.protocol === 'https:' ? 443 : 80;
}

/** The name to ask the server's certificate for by SNI: only host names can be asked for (RFC 6066). */
export function serverName(host: string): string | undefined {
  return isIP(host) === 0 ? host : undefined;
}

function wrong(given: string, problem: string): Fault {
  return new Fault('usage.flag', {
    what: `endpoint ${JSON.stringify(given)} ${problem}`,
    remedy: 'write endpoints as https://HOST:2379, several with commas between',
  });
}
