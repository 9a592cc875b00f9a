/**
 * The etcd v3 client over `node:http2`: what each verb asks and how its answer is read. Connections, failover and login
 * are in the files below; watches are in `watch.ts`.
 */
import { Fault } from '#runtime/fault.ts';
import type { Etcd, EtcdOptions, MemberStatus } from './api.ts';
import { Caller } from './caller.ts';
import { Connection } from './connection.ts';
import { parseEndpoint } from './endpoint-url.ts';
import { Endpoints } from './endpoints.ts';
import { decodeRevision } from './header-message.ts';
import { decodeDelete, encodeCompact, writeDelete, writePut } from './kv-messages.ts';
import {
  decodeLease,
  decodeLeaseTimeToLive,
  encodeLeaseGrant,
  encodeLeaseId,
  encodeLeaseTimeToLive,
} from './lease-messages.ts';
import { decodeStatus } from './member-messages.ts';
import { wholeMessage } from './message-decoder.ts';
import { encoded } from './protobuf-writer.ts';
import { quoted, rangeCall, span } from './range-call.ts';
import { Tokens } from './tokens.ts';
import { decodeTxn, encodeTxn } from './txn-messages.ts';
import { startWatch } from './watch.ts';

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_KEEP_ALIVE_MS = 2_000;

/**
 * A client for the cluster. Begins to connect to one endpoint at once and never fails for what is not there yet: that is
 * what the verbs throw. Throws a Fault `usage.flag` for endpoints that are not URLs.
 */
export function connectEtcd(options: EtcdOptions): Etcd {
  if (options.endpoints.length === 0) throw new Fault('usage.flag', { what: 'no etcd endpoint is given' });
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const keepAliveMs = options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS;
  const connections = options.endpoints
    .map(parseEndpoint)
    .map((endpoint) => new Connection({ endpoint, files: options, connectMs: timeoutMs, keepAliveMs }));
  const firstIndex = Math.floor(Math.random() * connections.length);
  const endpoints = new Endpoints([...connections.slice(firstIndex), ...connections.slice(0, firstIndex)]);
  const caller = new Caller(endpoints, new Tokens(options, endpoints, timeoutMs), timeoutMs);
  // The first call waits for the same attempt, or makes its own and reports what is wrong.
  endpoints.first.session().catch(() => {});
  return client(caller);
}

function client(caller: Caller): Etcd {
  const watches = new Set<{ close(): void }>();
  return {
    async range(request) {
      const { revision, kvs, count, more } = await caller.call(rangeCall(request), request.serializable !== true);
      return { revision, kvs, count, more };
    },
    put: (request) =>
      caller.call({
        path: '/etcdserverpb.KV/Put',
        asked: `put ${quoted(request.key)}`,
        message: encoded((writer) => writePut(writer, request)),
        decoder: () => wholeMessage(decodeRevision),
        repeatable: false,
      }),
    delete: (request) =>
      caller.call({
        path: '/etcdserverpb.KV/DeleteRange',
        asked: `delete ${span(request)}`,
        message: encoded((writer) => writeDelete(writer, request)),
        decoder: () => wholeMessage(decodeDelete),
        repeatable: false,
      }),
    txn: (request) =>
      caller.call({
        path: '/etcdserverpb.KV/Txn',
        asked: `the transaction on ${[...new Set([...request.success, ...(request.failure ?? [])].map(span))].join(', ')}`,
        message: encodeTxn(request),
        decoder: () => wholeMessage(decodeTxn),
        repeatable: [...request.success, ...(request.failure ?? [])].every((op) => op.type === 'range'),
      }),
    compact: async (revision) => {
      await caller.call({
        path: '/etcdserverpb.KV/Compact',
        asked: `compact to revision ${revision}`,
        message: encodeCompact(revision),
        decoder: () => wholeMessage(decodeRevision),
        repeatable: false,
      });
    },
    ...leaseVerbs(caller),
    status: () => Promise.all(caller.endpoints.all.map((connection) => memberStatus(caller, connection))),
    watch(request, listener) {
      const watch = startWatch(caller, request, listener);
      watches.add(watch);
      return {
        close() {
          watches.delete(watch);
          watch.close();
        },
      };
    },
    close() {
      for (const watch of watches) watch.close();
      caller.endpoints.close();
    },
  };
}

function leaseVerbs(caller: Caller): Pick<Etcd, 'leaseGrant' | 'leaseRevoke' | 'leaseKeepAlive' | 'leaseTimeToLive'> {
  return {
    leaseGrant: (ttlSeconds) =>
      caller.call({
        path: '/etcdserverpb.Lease/LeaseGrant',
        asked: `a lease of ${ttlSeconds} s`,
        message: encodeLeaseGrant(ttlSeconds),
        decoder: () => wholeMessage(decodeLease),
        repeatable: false,
      }),
    leaseRevoke: async (id) => {
      await caller.call({
        path: '/etcdserverpb.Lease/LeaseRevoke',
        asked: `revoke lease ${id.toString(16)}`,
        message: encodeLeaseId(id),
        decoder: () => wholeMessage(decodeRevision),
        repeatable: false,
      });
    },
    leaseKeepAlive: async (id) => {
      const { ttlSeconds } = await caller.call({
        path: '/etcdserverpb.Lease/LeaseKeepAlive',
        asked: `keep alive lease ${id.toString(16)}`,
        message: encodeLeaseId(id),
        decoder: () => wholeMessage(decodeLease),
        repeatable: true,
      });
      return ttlSeconds;
    },
    leaseTimeToLive: (id, withKeys = false) =>
      caller.call({
        path: '/etcdserverpb.Lease/LeaseTimeToLive',
        asked: `the TTL of lease ${id.toString(16)}`,
        message: encodeLeaseTimeToLive(id, withKeys),
        decoder: () => wholeMessage(decodeLeaseTimeToLive),
        repeatable: true,
      }),
  };
}

async function memberStatus(
  caller: Caller,
  connection: Connection,
): Promise<MemberStatus | { readonly endpoint: string; readonly fault: Fault }> {
  const endpoint = connection.endpoint.url;
  try {
    const status = await caller.callMember(connection, {
      path: '/etcdserverpb.Maintenance/Status',
      asked: 'the status',
      message: Buffer.alloc(0),
      decoder: () => wholeMessage(decodeStatus),
    });
    return { endpoint, ...status };
  } catch (error) {
    if (error instanceof Fault) return { endpoint, fault: error };
    throw error;
  }
}
