/** Shapes of the words that several sections use. Each is narrow: most of them end up in a command line, a unit or a path. */

import { parsedText, text } from '#inventory/shape/scalars.ts';
import { type Cidr, maskCidr, parseCidr, parseIp } from '#model/ip.ts';
import { parseIpv6, parseIpv6Cidr } from '#model/ipv6.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const LENGTH4 = '(?:3[0-2]|[12]?\\d)';
/** Wider than the parser: it tells an IPv6 address from other texts, and no more. */
const IPV6 = '[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?:[0-9.]*)';

const LENGTH6 = '(?:12[0-8]|1[01]\\d|[1-9]?\\d)';

/** An address of either family. */
export const ip = parsedText({
  expected: 'an IPv4 or IPv6 address such as 10.0.0.1',
  pattern: new RegExp(`^(?:${IPV4}|${IPV6})$`),
  sample: '10.0.0.1',
  longest: 45,
  parse: parseIp,
});

/** A network of either family; host bits are refused, since they hide a mistyped one. */
export const cidr = parsedText({
  expected: 'a network such as 10.0.0.0/24, without host bits',
  pattern: new RegExp(`^(?:${IPV4}/${LENGTH4}|${IPV6}/${LENGTH6})$`),
  sample: '10.0.0.0/24',
  longest: 49,
  parse: parseNetwork,
});

export const ipv4Network = text({
  expected: 'an IPv4 network such as 172.30.0.0/16',
  pattern: new RegExp(`^${IPV4}/${LENGTH4}$`),
  sample: '172.30.0.0/16',
});

export const ipv6Network = parsedText({
  expected: 'an IPv6 network such as fd00:12::/48',
  pattern: new RegExp(`^${IPV6}/${LENGTH6}$`),
  sample: 'fd00:12::/48',
  longest: 49,
  parse: (written) => (parseIpv6Cidr(written) === undefined ? undefined : written),
});

export const ipv4Address = text({
  expected: 'an IPv4 address such as 172.30.1.0',
  pattern: new RegExp(`^${IPV4}$`),
  sample: '172.30.1.0',
});

export const ipv6Address = parsedText({
  expected: 'an IPv6 address such as fd00:12:0:1::',
  pattern: new RegExp(`^${IPV6}$`),
  sample: 'fd00:12:0:1::',
  longest: 45,
  parse: (written) => (parseIpv6(written) === undefined ? undefined : written),
});

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

/** Linux takes 64 characters. */
export const hostName = text({
  expected: 'a host name: lower-case letters, digits and inner dashes, parts joined by dots',
  pattern: new RegExp(`^${LABEL}(?:\\.${LABEL})*$`),
  sample: 'node-1',
  longest: 64,
});

export const hostPath = text({
  expected: 'an absolute path of letters, digits and . _ @ + -, without a slash at the end',
  pattern: /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._@+-]+)+$/,
  sample: '/opt/weft',
  longest: 255,
});

/** On the machine where the command runs; a relative one counts from the inventory. */
export const localPath = text({
  expected: "a path on this machine; a relative one counts from the inventory's folder",
  pattern: /^\S(?:.*\S)?$/,
  sample: 'pki',
  longest: 1024,
});

export const interfaceName = text({
  expected: 'the name of a network interface such as eth0',
  pattern: /^[A-Za-z0-9_.-]{1,15}$/,
  sample: 'eth0',
});

export const userName = text({
  expected: 'the name of a user',
  pattern: /^[a-z_][a-z0-9_.-]{0,31}$/,
  sample: 'root',
});

/** systemd's unit names, without their ending. */
export const serviceName = text({
  expected: 'the name of a service',
  pattern: /^[A-Za-z0-9@_.:-]{1,200}$/,
  sample: 'postfix',
});

export const plainName = text({
  expected: 'a name of letters, digits and . _ -, which begins with a letter or digit',
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  sample: 'kubernetes',
  longest: 63,
});

export const LABEL_KEY = {
  expected: 'letters, digits and inner . _ / -, at most 63',
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/,
};

export const labelValue = text({
  expected: 'text of letters, digits and . _ / : -, at most 63 (a number or true needs quotes)',
  pattern: /^[A-Za-z0-9_./:-]*$/,
  sample: 'a',
  longest: 63,
});

/** systemd's spans of time. */
export const timeSpan = text({
  expected: 'a span of time such as 30s, 5m or 2week',
  pattern: /^\d{1,9}(?:us|ms|s|sec|m|min|h|hour|d|day|days|w|week|weeks|month|y|year)$/,
  sample: '30s',
});

/** journald's sizes. */
export const byteSize = text({
  expected: 'a size such as 200M or 10G',
  pattern: /^\d{1,9}[KMGT]?$/,
  sample: '10G',
});

function parseNetwork(written: string): Cidr | undefined {
  const network = parseCidr(written);
  return network !== undefined && hasHostBits(network) ? undefined : network;
}

function hasHostBits(network: Cidr): boolean {
  return maskCidr(network).address !== network.address;
}
