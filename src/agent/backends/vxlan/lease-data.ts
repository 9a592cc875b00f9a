/** BackendData and BackendV6Data of a vxlan lease: `{"VNI":1,"VtepMAC":"aa:bb:…"}`, in that order (spec §2.2 and §7.5). */
import { isJsonObject, jsonExcerpt, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { type Mac, parseMac } from '#model/mac.ts';

export function formatVxlanLeaseData(vni: number, mac: Mac): Json {
  return { VNI: vni, VtepMAC: mac };
}

/** By the data as it came from the store: a pass over ten thousand peers must not read them all again. */
const READ = new WeakMap<object, { readonly vni: number; readonly mac: Mac }>();

/** What `parseVxlanLeaseData` says of a peer's data in a fabric with that VNI, read once. */
export function peerVxlanData(
  data: Json | undefined,
  name: string,
  vni: number,
): ReturnType<typeof parseVxlanLeaseData> {
  if (!isJsonObject(data)) return parseVxlanLeaseData(data, name, vni);
  const known = READ.get(data);
  if (known?.vni === vni) return known;
  const parsed = parseVxlanLeaseData(data, name, vni);
  if ('mac' in parsed) READ.set(data, { vni, mac: parsed.mac });
  return parsed;
}

/**
 * What a host published. With `vni` given, another one in the data is refused: such a host is in another fabric; flannel 0.11
 * writes none. `name` is the field, for the reason.
 */
export function parseVxlanLeaseData(
  data: Json | undefined,
  name = 'BackendData',
  vni?: number,
): { readonly mac: Mac } | { readonly reason: string } {
  if (!isJsonObject(data)) return { reason: `${name} is no object with VtepMAC` };
  const text = memberOf(data, 'vtepmac');
  const mac = typeof text === 'string' ? parseMac(text) : undefined;
  if (mac === undefined) return { reason: `${name}.VtepMAC ${jsonExcerpt(text)} is no unicast MAC address` };
  const theirs = memberOf(data, 'vni') ?? vni;
  if (vni !== undefined && theirs !== vni) return { reason: `${name}.VNI is ${jsonExcerpt(theirs)}, ours is ${vni}` };
  return { mac };
}
