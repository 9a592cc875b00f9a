/**
 * The value of a lease key: written byte for byte as flannel 0.28 writes it, read as tolerantly as any version does
 * (spec §2.2). Records of others are hostile input: their size and depth are bounded here.
 */
import { formatIpv4, parseIpv4 } from './ipv4.ts';
import { formatIpv6, parseIpv6 } from './ipv6.ts';
import { foldName, isJsonObject, isShallow, jsonExcerpt } from './json-document.ts';
import type { Json, LeaseAttributes } from './lease.ts';

/** Longest record that is read, in characters; a real one has about 120. */
export const LONGEST_RECORD = 16_384;
const DEEPEST_DATA = 32;

/** `{"PublicIP":"1.2.3.4","PublicIPv6":null,"BackendType":"vxlan","BackendData":{…}}`; empty backend fields are left out. */
export function encodeLeaseRecord(attributes: LeaseAttributes): string {
  const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = attributes;
  const text = JSON.stringify({
    PublicIP: formatIpv4(publicIp),
    PublicIPv6: publicIpv6 === null ? null : formatIpv6(publicIpv6),
    BackendType: backendType === '' ? undefined : backendType,
    BackendData: backendData,
    BackendV6Data: backendV6Data,
  });
  // Go's marshaller keeps these five out of strings; they occur nowhere else in JSON.
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The attributes in a record, or in plain words why it holds none. */
export function decodeLeaseRecord(
  text: string,
): { readonly attributes: LeaseAttributes } | { readonly reason: string } {
  if (text.length > LONGEST_RECORD)
    return { reason: `the value has ${text.length} characters, at most ${LONGEST_RECORD} are read` };
  let record: Json;
  try {
    record = JSON.parse(text);
  } catch {
    return { reason: 'the value is not valid JSON' };
  }
  if (!isJsonObject(record)) return { reason: 'the value is not a JSON object' };

  const { PublicIP: ipText, PublicIPv6, BackendType, BackendData, BackendV6Data } = fieldsOf(record);
  const publicIp = ipText === undefined ? 0 : typeof ipText === 'string' ? parseIpv4(ipText) : undefined;
  if (publicIp === undefined) return { reason: `PublicIP is not an IPv4 address: ${jsonExcerpt(ipText)}` };
  const ipv6Text = PublicIPv6 ?? null;
  const publicIpv6 = ipv6Text === null ? null : typeof ipv6Text === 'string' ? parseIpv6(ipv6Text) : undefined;
  if (publicIpv6 === undefined) return { reason: `PublicIPv6 is not an IPv6 address: ${jsonExcerpt(ipv6Text)}` };
  const backendType = BackendType ?? '';
  if (typeof backendType !== 'string') return { reason: `BackendType is not a string: ${jsonExcerpt(backendType)}` };
  const backendData = BackendData ?? undefined;
  const backendV6Data = BackendV6Data ?? undefined;
  if (!isShallow(backendData, DEEPEST_DATA) || !isShallow(backendV6Data, DEEPEST_DATA)) {
    return { reason: `the backend data is nested more than ${DEEPEST_DATA} levels deep` };
  }
  return {
    attributes: {
      publicIp,
      publicIpv6,
      backendType,
      ...(backendData === undefined ? {} : { backendData }),
      ...(backendV6Data === undefined ? {} : { backendV6Data }),
    },
  };
}

const FIELDS = ['PublicIP', 'PublicIPv6', 'BackendType', 'BackendData', 'BackendV6Data'] as const;
type Field = (typeof FIELDS)[number];
const FIELD_BY_NAME = new Map<string, Field>(
  FIELDS.flatMap((field) => [
    [field, field],
    [foldName(field), field],
  ]),
);

/** The members that count, by whatever case they are written in; the last one wins. One pass: there may be 10,000 records. */
function fieldsOf(record: { readonly [name: string]: Json }): { [name in Field]?: Json } {
  const fields: { [name in Field]?: Json } = {};
  for (const name of Object.keys(record)) {
    const field = FIELD_BY_NAME.get(name) ?? FIELD_BY_NAME.get(foldName(name));
    const value = record[name];
    if (field !== undefined && value !== undefined) fields[field] = value;
  }
  return fields;
}

/** Whether two hosts or two moments publish the same. */
export function sameLeaseAttributes(a: LeaseAttributes, b: LeaseAttributes): boolean {
  if (a === b) return true;
  // Most differ in their address; those that do not are compared as they are written.
  if (a.publicIp !== b.publicIp || a.publicIpv6 !== b.publicIpv6) return false;
  return encodeLeaseRecord(a) === encodeLeaseRecord(b);
}
