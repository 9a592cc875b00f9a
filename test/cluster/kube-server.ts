/**
 * A small API server for tests: nodes and Pods over real HTTP or HTTPS, with paged consistent lists, watches with history,
 * bookmarks and compaction, and strategic merge patches of a node's status. Tests break it in every way that a real one breaks.
 */
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { NodeCondition, NodeObject } from './kube-objects.ts';

export interface KubeServerOptions {
  /** Serves HTTPS; with `ca` it also asks for client certificates, and lets those in. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Asks for this bearer token. */
  readonly token?: string;
  readonly port?: number;
}

interface HistoryEntry {
  readonly version: number;
  readonly line: string;
}

interface Watcher {
  readonly response: ServerResponse;
  readonly pieces: Buffer[];
}

export interface Patch {
  readonly node: string;
  readonly contentType: string | undefined;
  readonly body: PatchBody;
}

interface PatchBody {
  readonly metadata?: { readonly uid?: string; readonly annotations?: Readonly<Record<string, string | null>> };
  readonly status?: { readonly conditions?: readonly NodeCondition[] };
}

type Refusal = {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly causes?: readonly object[];
};

export class KubeServer {
  readonly patches: Patch[] = [];
  /** `GET /api/v1/nodes?limit=100`, in order. */
  readonly requests: string[] = [];
  token: string | undefined;
  /** Answers a request (by its line in `requests`) with a refusal in place of what it asks for. */
  refuse: (line: string) => Refusal | undefined = () => undefined;
  /** Watches are written so many bytes at a time. */
  pieceBytes = Number.POSITIVE_INFINITY;
  /** A compacted watch is told by HTTP status, and not by an ERROR event. */
  tellsGoneByStatus: boolean = false;
  /** New connections are closed at once. */
  refusing: boolean = false;
  /** Requests are taken and never answered. */
  frozen: boolean = false;
  readonly #server: Server;
  readonly #isTls: boolean;
  readonly #nodes = new Map<string, NodeObject>();
  readonly #pods = new Map<string, object>();
  readonly #listings = new Map<string, readonly NodeObject[]>();
  readonly #watchers = new Set<Watcher>();
  readonly #sockets = new Set<Socket>();
  #history: HistoryEntry[] = [];
  #version = 1000;
  #compacted = 0;

  private constructor(options: KubeServerOptions) {
    this.#isTls = options.tls !== undefined;
    this.token = options.token;
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    this.#server =
      options.tls === undefined
        ? createHttp(serve)
        : createHttps({ ...options.tls, requestCert: options.tls.ca !== undefined, rejectUnauthorized: false }, serve);
    this.#server.on('connection', (socket) => {
      if (this.refusing) {
        socket.resetAndDestroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(
    context: { after(run: () => Promise<void> | void): void },
    options: KubeServerOptions = {},
  ): Promise<KubeServer> {
    const server = new KubeServer(options);
    server.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(server.#server, 'listening');
    context.after(() => server.stop());
    return server;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server listens on a port');
    return address.port;
  }

  get url(): string {
    return `${this.#isTls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  get watches(): number {
    return this.#watchers.size;
  }

  get version(): string {
    return String(this.#version);
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** As an API server does after `timeoutSeconds`. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  /** The events until now can be told no more. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
  }

  /** As after its etcd was restored from a backup. */
  goBack(versions: number): void {
    this.#version -= versions;
    this.#history = [];
    this.#listings.clear();
  }

  bookmark(): void {
    const object = {
      kind: 'Node',
      apiVersion: 'v1',
      metadata: { resourceVersion: this.version, creationTimestamp: null },
    };
    this.tell(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  /** Writes that to every watch. */
  tell(text: string): void {
    for (const watcher of this.#watchers) this.#write(watcher, Buffer.from(text));
  }

  node(name: string): NodeObject {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  annotation(name: string, annotation: string): string | undefined {
    return this.node(name).metadata.annotations?.[`flannel.alpha.coreos.com/${annotation}`];
  }

  putPod(namespace: string, name: string, pod: object): void {
    this.#pods.set(`${namespace}/${name}`, pod);
  }

  put(node: NodeObject): void {
    const type = this.#nodes.has(node.metadata.name) ? 'MODIFIED' : 'ADDED';
    this.#version += 1;
    const stored = { ...node, metadata: { ...node.metadata, resourceVersion: this.version } };
    this.#nodes.set(node.metadata.name, stored);
    this.#record(type, stored);
  }

  annotate(name: string, annotations: Readonly<Record<string, string | null>>): void {
    this.put(merged(this.node(name), { metadata: { annotations: prefixed(annotations) } }));
  }

  /** A kubelet's report: nothing but a time changes. */
  heartbeat(name: string): void {
    const node = this.node(name);
    const at = new Date(Date.UTC(2025, 2, 4, 10) + this.#version * 1000).toISOString();
    const conditions = node.status.conditions.map((condition) => ({ ...condition, lastHeartbeatTime: at }));
    this.put({ ...node, status: { ...node.status, conditions } });
  }

  delete(name: string): void {
    const node = this.node(name);
    this.#nodes.delete(name);
    this.#version += 1;
    this.#record('DELETED', { ...node, metadata: { ...node.metadata, resourceVersion: this.version } });
  }

  #record(type: string, object: NodeObject): void {
    const entry = { version: this.#version, line: `${JSON.stringify({ type, object })}\n` };
    this.#history.push(entry);
    this.tell(entry.line);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${request.method} ${request.url}`;
    this.requests.push(line);
    let text = '';
    for await (const piece of request) text += String(piece);
    if (this.frozen) return;
    const url = new URL(request.url ?? '/', 'http://server');
    const refused = this.#unauthorized(request) ?? this.refuse(line) ?? this.#answer(request, response, url, text);
    if (refused !== undefined) sendJson(response, refused.code, statusOf(refused));
  }

  /** Answers; or says why not. */
  #answer(request: IncomingMessage, response: ServerResponse, url: URL, text: string): Refusal | undefined {
    const [, , , kind = '', name = '', third, fourth] = url.pathname.split('/');
    if (kind === 'namespaces' && third === 'pods') return this.#sendPod(response, `${name}/${fourth}`);
    if (kind !== 'nodes') return notFound('the server could not find the requested resource');
    if (request.method === 'PATCH') return this.#patch(request, response, decodeURIComponent(name), text);
    if (name !== '') return this.#sendNode(response, decodeURIComponent(name));
    const watches = url.searchParams.get('watch') === 'true';
    if (watches) return this.#watch(response, Number(url.searchParams.get('resourceVersion')));
    return this.#list(request, response, url.searchParams);
  }

  #unauthorized(request: IncomingMessage): Refusal | undefined {
    const { authorization } = request.headers;
    if (this.token === undefined || authorization === `Bearer ${this.token}`) return undefined;
    return { code: 401, reason: 'Unauthorized', message: 'Unauthorized' };
  }

  #sendPod(response: ServerResponse, key: string): Refusal | undefined {
    const pod = this.#pods.get(key);
    if (pod === undefined) return notFound(`pods "${key.split('/')[1]}" not found`);
    sendJson(response, 200, pod);
    return undefined;
  }

  #sendNode(response: ServerResponse, name: string): Refusal | undefined {
    const node = this.#nodes.get(name);
    if (node === undefined) return notFound(`nodes "${name}" not found`);
    sendJson(response, 200, node);
    return undefined;
  }

  #list(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Refusal | undefined {
    const limit = Number(query.get('limit') ?? Number.POSITIVE_INFINITY);
    const [version = this.version, from = '0'] = (query.get('continue') ?? '').split('-').filter((part) => part !== '');
    if (from !== '0' && (Number(version) < this.#compacted || !this.#listings.has(version))) {
      const message = 'The provided continue parameter is too old to display a consistent list result.';
      return { code: 410, reason: 'Expired', message };
    }
    const all = this.#listings.get(version) ?? [...this.#nodes.values()];
    this.#listings.set(version, all);
    const items = all.slice(Number(from), Number(from) + limit);
    const next = Number(from) + items.length;
    const more = next < all.length ? { continue: `${version}-${next}`, remainingItemCount: all.length - next } : {};
    if (next >= all.length) this.#listings.delete(version);
    const list = { kind: 'NodeList', apiVersion: 'v1', metadata: { resourceVersion: version, ...more }, items };
    const body = Buffer.from(JSON.stringify(list));
    const zip = body.length > 128 * 1024 && request.headers['accept-encoding']?.includes('gzip') === true;
    response.writeHead(200, { 'content-type': 'application/json', ...(zip ? { 'content-encoding': 'gzip' } : {}) });
    response.end(zip ? gzipSync(body, { level: 1 }) : body);
    return undefined;
  }

  #watch(response: ServerResponse, since: number): Refusal | undefined {
    const gone = since < this.#compacted;
    const refusal = { code: 410, reason: 'Expired', message: `too old resource version: ${since} (${this.#version})` };
    if (gone && this.tellsGoneByStatus) return refusal;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (gone) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(refusal) })}\n`);
      return undefined;
    }
    const watcher: Watcher = { response, pieces: [] };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    for (const { version, line } of this.#history) if (version > since) this.#write(watcher, Buffer.from(line));
    return undefined;
  }

  #write(watcher: Watcher, bytes: Buffer): void {
    if (this.pieceBytes === Number.POSITIVE_INFINITY) {
      watcher.response.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += this.pieceBytes)
      watcher.pieces.push(bytes.subarray(at, at + this.pieceBytes));
    const next = (): void => {
      const piece = watcher.pieces.shift();
      if (piece !== undefined && !watcher.response.destroyed) watcher.response.write(piece, () => setImmediate(next));
    };
    next();
  }

  #patch(request: IncomingMessage, response: ServerResponse, name: string, text: string): Refusal | undefined {
    const body: PatchBody = JSON.parse(text);
    this.patches.push({ node: name, contentType: request.headers['content-type'], body });
    const node = this.#nodes.get(name);
    if (node === undefined) return notFound(`nodes "${name}" not found`);
    if (body.metadata?.uid !== undefined && body.metadata.uid !== node.metadata.uid) {
      const message = `Operation cannot be fulfilled on nodes "${name}": the UID in the precondition differs`;
      return { code: 409, reason: 'Conflict', message };
    }
    this.put(merged(node, body));
    sendJson(response, 200, this.node(name));
    return undefined;
  }
}

/** Strategic merge: members are merged, `null` removes one, conditions are a list with `type` as the key. */
function merged(node: NodeObject, patch: PatchBody): NodeObject {
  const annotations = Object.entries({ ...node.metadata.annotations, ...patch.metadata?.annotations });
  const kept = annotations.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  const given = patch.status?.conditions ?? [];
  const others = node.status.conditions.filter(({ type }) => !given.some((condition) => condition.type === type));
  return {
    ...node,
    metadata: { ...node.metadata, ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }) },
    status: { ...node.status, conditions: [...others, ...given] },
  };
}

function prefixed(annotations: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`flannel.alpha.coreos.com/${name}`, value]),
  );
}

function notFound(message: string): Refusal {
  return { code: 404, reason: 'NotFound', message };
}

export function statusOf({ code, reason, message, causes }: Refusal): object {
  const details = causes === undefined ? {} : { details: { causes } };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...details, code };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
