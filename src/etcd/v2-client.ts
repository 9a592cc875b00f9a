/** The etcd v2 client over `node:http`: what each verb asks and how its answer is read. Watches are in `v2-watch.ts`. */
import { Fault } from '#runtime/fault.ts';
import type { EtcdOptions } from './api.ts';
import { parseEndpoint } from './endpoint-url.ts';
import type { EtcdV2 } from './v2-api.ts';
import { V2Caller } from './v2-caller.ts';
import { V2_ERROR } from './v2-faults.ts';
import { V2Member } from './v2-member.ts';
import { nodeOf, nodesOf } from './v2-reply.ts';
import { startV2Watch } from './v2-watch.ts';

const DEFAULT_TIMEOUT_MS = 5_000;
/** An idle watch looks at its member so often: a request each, so less often than v3's PING. */
const DEFAULT_KEEP_ALIVE_MS = 15_000;

/**
 * A client for the cluster; it connects when it is first used. Throws a Fault `usage.flag` for endpoints that are not URLs.
 * `keepAliveMs` of the options is the interval at which an idle watch looks whether its member still takes part.
 */
export function connectEtcdV2(options: EtcdOptions): EtcdV2 {
  if (options.endpoints.length === 0) throw new Fault('usage.flag', { what: 'no etcd endpoint is given' });
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const members = options.endpoints.map(parseEndpoint).map((endpoint) => new V2Member(endpoint, options, timeoutMs));
  const firstIndex = Math.floor(Math.random() * members.length);
  const order = [...members.slice(firstIndex), ...members.slice(0, firstIndex)];
  return client(new V2Caller(order, options, timeoutMs), options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS);
}

function client(caller: V2Caller, keepAliveMs: number): EtcdV2 {
  const watches = new Set<{ close(): void }>();
  return {
    async get(key) {
      const asked = `get ${JSON.stringify(key)}`;
      const reply = await caller.call('GET', key, { asked, repeatable: true, query: { quorum: 'true' } });
      if (reply.error?.errorCode === V2_ERROR.keyNotFound) return undefined;
      const node = caller.read(reply, asked, nodeOf);
      if (node === 'directory') throw caller.unexpected(reply, asked, `${key} is a directory`);
      return node;
    },
    async list(key) {
      const asked = `list ${JSON.stringify(key)}`;
      const query = { recursive: 'true', quorum: 'true' };
      const reply = await caller.call('GET', key, { asked, repeatable: true, query });
      const empty = reply.error?.errorCode === V2_ERROR.keyNotFound;
      return { index: reply.mark.index, nodes: empty ? [] : caller.read(reply, asked, nodesOf) };
    },
    async create(key, value, ttlSeconds) {
      const asked = `create ${JSON.stringify(key)}`;
      const query = { prevExist: 'false' };
      const reply = await caller.call('PUT', key, { asked, repeatable: false, query, form: form(value, ttlSeconds) });
      if (reply.error?.errorCode === V2_ERROR.nodeExists) return 'exists';
      return caller.readValue(reply, asked);
    },
    async replace(key, value, modifiedIndex, ttlSeconds) {
      const asked = `replace ${JSON.stringify(key)}`;
      const query = { prevIndex: String(modifiedIndex) };
      const reply = await caller.call('PUT', key, { asked, repeatable: false, query, form: form(value, ttlSeconds) });
      return isChanged(reply.error?.errorCode) ? 'changed' : caller.readValue(reply, asked);
    },
    async remove(key, modifiedIndex) {
      const asked = `delete ${JSON.stringify(key)}`;
      const query = { prevIndex: String(modifiedIndex) };
      const reply = await caller.call('DELETE', key, { asked, repeatable: false, query });
      if (isChanged(reply.error?.errorCode)) return 'changed';
      caller.read(reply, asked, nodeOf);
      return 'removed';
    },
    async makeDirectory(key) {
      const asked = `make the directory ${JSON.stringify(key)}`;
      const query = { prevExist: 'false' };
      const reply = await caller.call('PUT', key, { asked, repeatable: false, query, form: 'dir=true' });
      if (reply.error?.errorCode === V2_ERROR.nodeExists) return 'exists';
      caller.read(reply, asked, nodeOf);
      return 'made';
    },
    watch(request, listener) {
      const watch = startV2Watch(caller, keepAliveMs, request, listener);
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
      caller.close();
    },
  };
}

/** Gone, another value, or a directory by now: in any case not what was seen. */
function isChanged(errorCode: number | undefined): boolean {
  return errorCode === V2_ERROR.compareFailed || errorCode === V2_ERROR.keyNotFound || errorCode === V2_ERROR.notAFile;
}

function form(value: string, ttlSeconds: number | undefined): string {
  const fields = new URLSearchParams({ value });
  if (ttlSeconds !== undefined) fields.set('ttl', String(ttlSeconds));
  return fields.toString();
}
