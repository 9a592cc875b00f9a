/** Values of flags as what they mean: each reader throws a Fault that names the flag, the value, and what would be right. */
import { readFileSync } from 'node:fs';
import { type Ip, parseIp } from '#model/ip.ts';
import { type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { type Ipv6, parseIpv6 } from '#model/ipv6.ts';
import { Fault } from '#runtime/fault.ts';
import { type FlagDefinition, type FlagValues, readGoInteger } from './go-flags.ts';

const MOST_PASSWORD_CHARACTERS = 4096;

/** The values given, over the defaults of the definitions. */
export class FlagReader {
  readonly #definitions: readonly FlagDefinition[];
  readonly #values: FlagValues;

  constructor(definitions: readonly FlagDefinition[], values: FlagValues) {
    this.#definitions = definitions;
    this.#values = values;
  }

  text(name: string): string {
    const fallback = this.#definitions.find((flag) => flag.name === name)?.default;
    if (fallback === undefined) throw new Error(`there is no flag ${name}`);
    return this.#values.get(name)?.at(-1) ?? fallback;
  }

  /** Of a flag that may be given several times; empty values do not count. */
  texts(name: string): readonly string[] {
    return this.#values.get(name)?.filter((value) => value !== '') ?? [];
  }

  boolean(name: string): boolean {
    return this.text(name) === 'true';
  }

  wholeNumber(name: string, range: { readonly from: number; readonly to: number; readonly why: string }): number {
    const value = readGoInteger(this.text(name)) ?? Number.NaN;
    if (value >= range.from && value <= range.to) return value;
    throw new Fault('usage.flag', {
      what: `-${name} is ${value}`,
      why: range.why,
      remedy: `use ${range.from} to ${range.to}`,
    });
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.text(name);
    const choice = choices.find((known) => known === value);
    if (choice !== undefined) return choice;
    throw new Fault('usage.flag', {
      what: `-${name} is ${JSON.stringify(value)}`,
      remedy: `use one of ${choices.join(', ')}`,
    });
  }

  /** A file's path. */
  path(name: string): string {
    const value = this.text(name);
    if (value === '') throw new Fault('usage.flag', { what: `-${name} names no file` });
    return value;
  }

  address(name: string): Ip | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const address = parseIp(value);
    if (address !== undefined) return address;
    throw new Fault('usage.flag', {
      what: `-${name} is ${JSON.stringify(value)}, which is no IP address`,
      remedy: 'give an IPv4 or IPv6 address',
    });
  }

  publicIpv4(name: string, nameForIpv6: string): Ipv4 | undefined {
    const value = this.text(name);
    const address = parseIpv4(value);
    if (value !== '' && address === undefined) throw wrongPublicIp(name, value, 'IPv4', nameForIpv6);
    return address;
  }

  publicIpv6(name: string, nameForIpv4: string): Ipv6 | undefined {
    const value = this.text(name);
    const address = parseIpv6(value);
    if (value !== '' && address === undefined) throw wrongPublicIp(name, value, 'IPv6', nameForIpv4);
    return address;
  }

  /** An address to listen at, empty for all; `localhost` is one. */
  listenAddress(name: string): string {
    const value = this.text(name).replace(/^\[(.*)\]$/, '$1');
    if (value === '' || value === 'localhost' || parseIp(value) !== undefined) return value;
    throw new Fault('usage.flag', {
      what: `-${name} is ${JSON.stringify(value)}, which is no IP address`,
      remedy: 'give an address of this host, 0.0.0.0 for all',
    });
  }

  url(name: string): string {
    const value = this.text(name);
    if (value !== '') checkUrl(name, value);
    return value;
  }

  /** Comma-separated, at least one. */
  urls(name: string): readonly string[] {
    const values = this.text(name)
      .split(',')
      .map((url) => url.trim())
      .filter((url) => url !== '');
    for (const value of values) checkUrl(name, value);
    if (values.length === 0) throw new Fault('usage.flag', { what: `-${name} names no endpoint` });
    return values;
  }

  /** The first line of the file that the flag names, which is never quoted in a message; undefined without the flag. */
  secretFile(name: string): string | undefined {
    const path = this.text(name);
    if (path === '') return undefined;
    try {
      const [secret = ''] = readFileSync(path, 'utf8').split(/\r?\n/, 1);
      if (secret.length > 0 && secret.length <= MOST_PASSWORD_CHARACTERS) return secret;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Fault('usage.flag', { what: `the file of -${name} cannot be read`, where: path, why, cause });
    }
    throw new Fault('usage.flag', { what: `the file of -${name} does not begin with a password`, where: path });
  }
}

/** A password in a URL would end up in the log with it: there are flags for that. What is quoted here hides it. */
function checkUrl(name: string, text: string): void {
  const url = URL.parse(text);
  const isHttp = url !== null && /^https?:$/.test(url.protocol);
  if (isHttp && url.username === '' && url.password === '') return;
  throw new Fault('usage.flag', {
    what: `-${name} has ${JSON.stringify(text.replace(/\/\/[^/]*@/, '//***@'))}`,
    why: isHttp
      ? 'a URL here has no user and no password in it'
      : 'a URL here is http://HOST:PORT or https://HOST:PORT',
    remedy: isHttp ? 'use -etcd-username and -etcd-password-file' : `give -${name} such a URL`,
  });
}

function wrongPublicIp(name: string, value: string, family: string, other: string): Fault {
  const otherFamily = parseIp(value) !== undefined;
  return new Fault('host.public-ip', {
    what: `invalid public IP address: ${JSON.stringify(value)}`,
    where: `-${name}`,
    ...(otherFamily && { why: `that is not ${family}; its flag is -${other}` }),
    remedy: `give an ${family} address that the peers can reach`,
  });
}
