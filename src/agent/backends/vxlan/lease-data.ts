/** BackendData and BackendV6Data of a vxlan lease: `{"VNI":1,"VtepMAC":"aa:bb:…"}`, in that order (spec §2.2 and §7.5). */
import type { Json } from '#model/lease.ts';
import { type Mac, parseMac } from '#model/mac.ts';

export function formatVxlanLeaseData(vni: number, mac: Mac): Json {
  return { VNI: vni, VtepMAC: mac };
}

/** Only the MAC counts: flannel 0.11 writes no VNI, and no version reads it. `name` is the field, for the reason. */
export function parseVxlanLeaseData(
  data: Json | undefined,
  name = 'BackendData',
): { readonly mac: Mac } | { readonly reason: string } {
  if (data === undefined || data === null || typeof data !== 'object' || Array.isArray(data)) {
    return { reason: `${name} is no object with VtepMAC` };
  }
  const key = 'VtepMAC' in data ? 'VtepMAC' : Object.keys(data).find((name) => name.toLowerCase() === 'vtepmac');
  const text = key === undefined ? undefined : Reflect.get(data, key);
  const mac = typeof text === 'string' ? parseMac(text) : undefined;
  if (mac === undefined) return { reason: `${name}.VtepMAC ${JSON.stringify(text ?? null)} is no unicast MAC address` };
  return { mac };
}
