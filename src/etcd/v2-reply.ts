/**
 * Reads what the v2 API sends. Whatever the endpoint sends is checked here: a shape that etcd never has is a Fault, and
 * nothing of it goes further.
 */
import type { V2Event, V2Node } from './v2-api.ts';

/** A JSON value of unknown shape. */
type Unknown = unknown;
type Members = Readonly<Record<string, Unknown>>;

export interface V2Error {
  readonly errorCode: number;
  /** Message and cause. */
  readonly text: string;
}

/** What is wrong with an answer; the client makes it a Fault that names the endpoint. */
export class MalformedReply extends Error {}

/** Of an event: a change of a whole directory, which says nothing about the keys below it. */
export interface DirectoryChange {
  readonly type: 'directory';
  readonly key: string;
}

/** The error in a reply, if it is one. */
export function errorOf(body: Unknown): V2Error | undefined {
  if (!isObject(body) || typeof body['errorCode'] !== 'number') return undefined;
  const { message, cause } = body;
  const words = [message, cause].filter((part) => typeof part === 'string' && part !== '').join(': ');
  return { errorCode: body['errorCode'], text: words.slice(0, 300) };
}

/** The key that the reply is about, or `directory`. */
export function nodeOf(body: Unknown): V2Node | 'directory' {
  const node = member(body, 'node');
  return node['dir'] === true ? 'directory' : valueNode(node);
}

/** All keys in a recursive reply. Iterative: how deep it is nested is the sender's choice. */
export function nodesOf(body: Unknown): readonly V2Node[] {
  const found: V2Node[] = [];
  const waiting = [member(body, 'node')];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node['dir'] !== true) {
      found.push(valueNode(node));
      continue;
    }
    const children = node['nodes'] ?? [];
    if (!Array.isArray(children)) throw new MalformedReply('the nodes of a directory are no list');
    for (const child of children) {
      if (!isObject(child)) throw new MalformedReply('a node is no object');
      waiting.push(child);
    }
  }
  return found;
}

/** What a watch was told. */
export function eventOf(body: Unknown): V2Event | DirectoryChange {
  const node = member(body, 'node');
  if (node['dir'] === true) return { type: 'directory', key: text(node, 'key') };
  const action = isObject(body) ? body['action'] : undefined;
  if (typeof action !== 'string') throw new MalformedReply('an event has no action');
  const index = count(node, 'modifiedIndex');
  if (/^(delete|expire|compareAndDelete)$/.test(action)) return { type: 'gone', key: text(node, 'key'), index };
  return { type: 'put', node: valueNode(node), index };
}

function valueNode(node: Members): V2Node {
  // etcd leaves out what is empty or zero: a value may be empty, a TTL may have come to its last second.
  const expires = node['expiration'] !== undefined;
  return {
    key: text(node, 'key'),
    value: node['value'] === undefined ? '' : text(node, 'value'),
    createdIndex: count(node, 'createdIndex'),
    modifiedIndex: count(node, 'modifiedIndex'),
    ttlSeconds: expires ? (node['ttl'] === undefined ? 0 : number(node, 'ttl')) : undefined,
  };
}

function member(body: Unknown, name: string): Members {
  const found = isObject(body) ? body[name] : undefined;
  if (!isObject(found)) throw new MalformedReply(`it has no ${name}`);
  return found;
}

function text(node: Members, name: string): string {
  const value = node[name];
  if (typeof value !== 'string') throw new MalformedReply(`the ${name} of a node is no text`);
  return value;
}

function count(node: Members, name: string): number {
  const value = number(node, name);
  if (value < 0) throw new MalformedReply(`the ${name} of a node is negative`);
  return value;
}

function number(node: Members, name: string): number {
  const value = node[name];
  if (!Number.isSafeInteger(value)) throw new MalformedReply(`the ${name} of a node is no whole number`);
  return Number(value);
}

function isObject(value: Unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
