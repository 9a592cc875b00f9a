/** What a node publishes in its annotations: their names, read as tolerantly and written as exactly as flannel's (spec §7.2). */
import { formatIpv4, parseIpv4 } from '#model/ipv4.ts';
import { formatIpv6, parseIpv6 } from '#model/ipv6.ts';
import type { Json, LeaseAttributes } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { Fault } from '#runtime/fault.ts';

/** Full names, the prefix in front. */
export interface AnnotationNames {
  /** Exactly `true` on a node that takes part. */
  readonly managed: string;
  readonly backendType: string;
  readonly backendData: string;
  readonly backendV6Data: string;
  readonly publicIp: string;
  readonly publicIpv6: string;
  /** The operator's: published in place of the real address. */
  readonly publicIpOverwrite: string;
  readonly publicIpv6Overwrite: string;
  /** The operator's: as `-public-ip`, over the flag. */
  readonly nodePublicIp: string;
  readonly nodePublicIpv6: string;
}

export type Annotations = Readonly<Record<string, unknown>>;

const PREFIX = /^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]+-)?$/;

/** `x.y` and `x.y/` are `x.y/…`; `x.y/z` and `x.y/z-` are `x.y/z-…`. Throws a Fault `usage.flag` for others. */
export function annotationNames(prefix: string): AnnotationNames {
  const slashed = prefix.includes('/') ? prefix : `${prefix}/`;
  const p = /[/-]$/.test(slashed) ? slashed : `${slashed}-`;
  if (!PREFIX.test(p)) {
    throw new Fault('usage.flag', {
      what: `-kube-annotation-prefix is ${JSON.stringify(prefix)}`,
      why: 'prefix must be in a format: fqdn/[0-9a-z-_]*',
      remedy: 'use one like flannel.alpha.coreos.com, the same on all hosts',
    });
  }
  return {
    managed: `${p}kube-subnet-manager`,
    backendType: `${p}backend-type`,
    backendData: `${p}backend-data`,
    backendV6Data: `${p}backend-v6-data`,
    publicIp: `${p}public-ip`,
    publicIpv6: `${p}public-ipv6`,
    publicIpOverwrite: `${p}public-ip-overwrite`,
    publicIpv6Overwrite: `${p}public-ipv6-overwrite`,
    nodePublicIp: `${p}node-public-ip`,
    nodePublicIpv6: `${p}node-public-ipv6`,
  };
}

export type PublishedRecord =
  | { readonly type: 'lease'; readonly attributes: LeaseAttributes }
  /** It takes no part: another network's, or none yet. */
  | { readonly type: 'none' }
  | { readonly type: 'rejected'; readonly reason: string };

/** Annotations of all kinds on a node are 256 KiB at most; this bounds what we look at. */
const LONGEST_DATA = 12_000;

/** What the annotations of a node say. Those of peers are hostile input. */
export function readAnnotations(annotations: Annotations, names: AnnotationNames): PublishedRecord {
  if (annotations[names.managed] !== 'true') return { type: 'none' };
  const [publicIp, publicIpv6] = [annotations[names.publicIp], annotations[names.publicIpv6]];
  if (publicIp === undefined && publicIpv6 === undefined) {
    return { type: 'rejected', reason: `it has no annotation ${names.publicIp}` };
  }
  const members = [
    ...(publicIp === undefined ? [] : [`"PublicIP":${quoted(publicIp)}`]),
    ...(publicIpv6 === undefined ? [] : [`"PublicIPv6":${quoted(publicIpv6)}`]),
    `"BackendType":${quoted(annotations[names.backendType] ?? '')}`,
  ];
  for (const [field, name] of [
    ['BackendData', names.backendData],
    ['BackendV6Data', names.backendV6Data],
  ] as const) {
    const text = annotations[name];
    if (text === undefined || text === '') continue;
    if (!isJson(text)) return { type: 'rejected', reason: `the annotation ${name} is not valid JSON` };
    members.push(`"${field}":${text}`);
  }
  const decoded = decodeLeaseRecord(`{${members.join(',')}}`);
  return 'reason' in decoded
    ? { type: 'rejected', reason: decoded.reason }
    : { type: 'lease', attributes: decoded.attributes };
}

function quoted(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 100));
}

/** A text that is one JSON value: then it may stand inside another document. */
function isJson(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > LONGEST_DATA) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Values to write, `null` to remove; only what differs. */
export type AnnotationPatch = Readonly<Record<string, string | null>>;

/**
 * What must be written so that the node publishes these attributes. Data is written as the text `{"VNI":1,"VtepMAC":"…"}`: flannel
 * finds its MAC again by splitting just that (spec §7.5). Throws a Fault `kube.annotation` for an unusable overwrite.
 */
export function annotationPatch(
  current: Annotations,
  names: AnnotationNames,
  attributes: LeaseAttributes,
): AnnotationPatch {
  const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = attributes;
  const hasIpv4 = publicIp !== 0;
  const hasIpv6 = publicIpv6 !== null;
  const wanted: Record<string, string | null> = {
    [names.managed]: 'true',
    [names.backendType]: backendType,
    [names.publicIp]: hasIpv4 ? (overwrite(current, names.publicIpOverwrite, ipv4Text) ?? formatIpv4(publicIp)) : null,
    [names.backendData]: hasIpv4 ? dataText(backendData) : null,
    [names.publicIpv6]: hasIpv6
      ? (overwrite(current, names.publicIpv6Overwrite, ipv6Text) ?? formatIpv6(publicIpv6))
      : null,
    [names.backendV6Data]: hasIpv6 ? dataText(backendV6Data) : null,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => (current[name] ?? null) !== value));
}

/** flannel writes `null` for a backend without data. */
function dataText(data: Json | undefined): string {
  return JSON.stringify(data ?? null);
}

/** The addresses that the operator gave this node. Throws a Fault `kube.annotation` for one that is none. */
export function nodePublicIps(
  annotations: Annotations,
  names: AnnotationNames,
): { readonly ipv4?: number; readonly ipv6?: bigint } {
  const ipv4 = overwrite(annotations, names.nodePublicIp, parseIpv4);
  const ipv6 = overwrite(annotations, names.nodePublicIpv6, parseIpv6);
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** An address that an operator wrote; undefined when there is none. */
function overwrite<T>(annotations: Annotations, name: string, parse: (text: string) => T | undefined): T | undefined {
  const text = annotations[name] ?? '';
  if (text === '') return undefined;
  const address = typeof text === 'string' ? parse(text) : undefined;
  if (address !== undefined) return address;
  const family = name.includes('ipv6') ? 'IPv6' : 'IPv4';
  const what = `the annotation ${name} is no ${family} address: ${quoted(text)}`;
  throw new Fault('kube.annotation', { what });
}

function ipv4Text(text: string): string | undefined {
  const address = parseIpv4(text);
  return address === undefined ? undefined : formatIpv4(address);
}

function ipv6Text(text: string): string | undefined {
  const address = parseIpv6(text);
  return address === undefined ? undefined : formatIpv6(address);
}
