/** Reads the text of a cache file: all of it or none. A file is hostile input until its checksum and each field are right. */
import { createHash } from 'node:crypto';
import { isJsonObject } from '#model/json-document.ts';
import type { Json, Lease } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { formatSubnetKey, parseSubnetKey } from '#model/subnet-key.ts';
import { subnetMisfit } from '#model/subnet-misfit.ts';
import { Fault } from '#runtime/fault.ts';
import type { AgentCache, StoreIdentity } from './agent-cache.ts';
import { CACHE_MAGIC, CACHE_VERSION } from './encode-cache.ts';

const LONGEST_HEADER = 200;
const HEADER = /^weft-agent-cache (\d{1,9}) sha256:([\da-f]{64}) (\d{1,12})$/;
const LINE_END = 0x0a;

/** `where` is the path, for messages. Throws Fault `cache.damaged`, `cache.version` or `cache.foreign`. */
export function decodeCache(bytes: Buffer, store: StoreIdentity, where: string): AgentCache {
  const end = bytes.subarray(0, LONGEST_HEADER).indexOf(LINE_END);
  const header = bytes.toString('latin1', 0, end === -1 ? Math.min(bytes.length, LONGEST_HEADER) : end);
  const version = new RegExp(`^${CACHE_MAGIC} (\\d{1,9})(?: |$)`).exec(header)?.[1];
  if (version !== undefined && Number(version) !== CACHE_VERSION) {
    const what = `the cache is of version ${Number(version)}, this program reads version ${CACHE_VERSION}`;
    throw new Fault('cache.version', { what, where });
  }
  const [, , checksum, length] = HEADER.exec(header) ?? [];
  if (end === -1 || checksum === undefined) throw damaged('its first line is not that of a cache', where);
  const body = bytes.subarray(end + 1);
  if (body.length !== Number(length)) throw damaged(`${length} bytes were written, ${body.length} are there`, where);
  if (createHash('sha256').update(body).digest('hex') !== checksum) throw damaged('its checksum is wrong', where);
  return readBody(body, store, where);
}

function readBody(body: Buffer, store: StoreIdentity, where: string): AgentCache {
  const wrong = (field: string): Fault => damaged(`its checksum is right, but not its ${field}`, where);
  const fields = parseObject(body.toString('utf8'));
  if (fields === undefined) throw wrong('JSON');
  checkStore(fields.store, store, where);
  const { machine, document, revision } = fields;
  if (typeof machine !== 'string') throw wrong('machine');
  if (!isRevision(revision)) throw wrong('revision');
  if (typeof document !== 'string') throw wrong('document');
  const network = parseNetworkConfig(document);
  if ('problems' in network) throw wrong('document');
  const own = readLease(fields.own);
  if (own === undefined || subnetMisfit(own.subnet, network.config) !== undefined) throw wrong('own lease');
  if (!Array.isArray(fields.peers)) throw wrong('peers');
  const names = new Set([formatSubnetKey(own.subnet)]);
  const peers = fields.peers.map((row: Json, index: number) => {
    const lease = readLease(row);
    const name = lease && formatSubnetKey(lease.subnet);
    if (lease === undefined || name === undefined || names.has(name)) throw wrong(`peer ${index + 1}`);
    names.add(name);
    return lease;
  });
  return { machine, document, revision, own, peers };
}

function parseObject(text: string): { readonly [name: string]: Json } | undefined {
  try {
    const value: Json = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function checkStore(written: Json | undefined, store: StoreIdentity, where: string): void {
  const { prefix, api } = isJsonObject(written) ? written : {};
  if (prefix !== store.prefix) {
    const what = `the cache is of the prefix ${JSON.stringify(prefix)}, the agent's is ${JSON.stringify(store.prefix)}`;
    throw new Fault('cache.foreign', { what, where });
  }
  if (api !== store.api && api !== 'auto' && store.api !== 'auto') {
    const what = `the cache is of etcd ${JSON.stringify(api)}, the agent uses ${store.api}`;
    throw new Fault('cache.foreign', { what, where });
  }
}

function readLease(row: Json | undefined): Lease | undefined {
  if (!Array.isArray(row) || row.length !== 5) return undefined;
  const [name, value, reservation, created, modified]: readonly Json[] = row;
  if (typeof name !== 'string' || typeof value !== 'string' || typeof reservation !== 'boolean') return undefined;
  if (!isRevision(created) || !isRevision(modified)) return undefined;
  const subnet = parseSubnetKey(name);
  const record = decodeLeaseRecord(value);
  if (subnet === undefined || formatSubnetKey(subnet) !== name || 'reason' in record) return undefined;
  return { subnet, attributes: record.attributes, reservation, created, modified };
}

function isRevision(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function damaged(why: string, where: string): Fault {
  return new Fault('cache.damaged', { what: 'the cache cannot be used', where, why });
}
