/** The fields of the network document by name, type by type, as Go's decoder reads them (spec §1.1, §1.2). */
import { type Ipv4Cidr, maskIpv4Cidr, parseIpv4Cidr } from './cidr.ts';
import { type Ipv4, parseIpv4 } from './ipv4.ts';
import { type Ipv6, type Ipv6Cidr, maskIpv6Cidr, parseIpv6, parseIpv6Cidr } from './ipv6.ts';
import { foldName, jsonMembers } from './json-document.ts';
import type { ConfigProblem } from './network-config.ts';

/** The fields as written; defaults where they are absent. */
export interface NetworkFields {
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  EnableNFTables: boolean;
  Network: Ipv4Cidr | undefined;
  SubnetLen: number;
  SubnetMin: Ipv4;
  SubnetMax: Ipv4;
  IPv6Network: Ipv6Cidr | undefined;
  IPv6SubnetLen: number;
  IPv6SubnetMin: Ipv6;
  IPv6SubnetMax: Ipv6;
  /** The Backend value as written. */
  Backend: string | undefined;
  /** Fields that were written but cannot be read: reported already, so never reported as missing. */
  unreadable: Set<string>;
}

/** Reads every member of the document in order; what cannot be read is a problem. The text must be a JSON object. */
export function readNetworkFields(text: string, problems: ConfigProblem[]): NetworkFields {
  const fields: NetworkFields = {
    EnableIPv4: true,
    EnableIPv6: false,
    EnableNFTables: false,
    Network: undefined,
    SubnetLen: 0,
    SubnetMin: 0,
    SubnetMax: 0,
    IPv6Network: undefined,
    IPv6SubnetLen: 0,
    IPv6SubnetMin: 0n,
    IPv6SubnetMax: 0n,
    Backend: undefined,
    unreadable: new Set(),
  };
  const read = <Name extends keyof Omit<NetworkFields, 'unreadable'>>(
    name: Name,
    type: FieldType<NetworkFields[Name]>,
  ): Reader => ({
    name,
    read(value) {
      if (value === 'null' && type.nullable) return;
      const parsed = type.parse(value);
      if (parsed !== undefined) fields[name] = parsed;
      else {
        problems.push({ field: name, value: excerpt(value), reason: `must be ${type.expected}` });
        fields.unreadable.add(name);
      }
    },
  });
  const readers = [
    read('EnableIPv4', boolean),
    read('EnableIPv6', boolean),
    read('EnableNFTables', boolean),
    read('Network', ipv4Network),
    read('SubnetLen', unsigned),
    read('SubnetMin', ipv4Address),
    read('SubnetMax', ipv4Address),
    read('IPv6Network', ipv6Network),
    read('IPv6SubnetLen', unsigned),
    read('IPv6SubnetMin', ipv6Address),
    read('IPv6SubnetMax', ipv6Address),
    read('Backend', verbatim),
  ];
  const byName = new Map(readers.map((reader) => [foldName(reader.name), reader]));
  for (const member of jsonMembers(text)) byName.get(foldName(member.name))?.read(member.text);
  return fields;
}

interface Reader {
  readonly name: string;
  readonly read: (value: string) => void;
}

interface FieldType<T> {
  readonly expected: string;
  /** Go leaves a plain field as it was on `null`; the address types refuse it. */
  readonly nullable: boolean;
  /** From JSON text; undefined when it is not of the type. */
  readonly parse: (text: string) => T | undefined;
}

const boolean: FieldType<boolean> = {
  expected: 'true or false',
  nullable: true,
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};
const unsigned: FieldType<number> = {
  expected: 'a whole number, not negative, without quotes, fraction or exponent',
  nullable: true,
  parse: (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
};
const ipv4Address = ofString('an IPv4 address such as "10.5.1.0"', false, parseIpv4);
const ipv6Address = ofString('an IPv6 address such as "fd00:12::"', true, parseIpv6);
const ipv4Network = ofString('an IPv4 network such as "10.5.0.0/16"', false, (text) => {
  const cidr = parseIpv4Cidr(text);
  return cidr && maskIpv4Cidr(cidr);
});
const ipv6Network = ofString('an IPv6 network such as "fd00:12::/48"', false, (text) => {
  const cidr = parseIpv6Cidr(text);
  return cidr && maskIpv6Cidr(cidr);
});
const verbatim: FieldType<string> = { expected: 'an object', nullable: false, parse: (text) => text };

function ofString<T>(expected: string, nullable: boolean, parse: (value: string) => T | undefined): FieldType<T> {
  return { expected, nullable, parse: (text) => (text.startsWith('"') ? parse(String(JSON.parse(text))) : undefined) };
}

/** A value short enough for a message. */
export function excerpt(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
