/**
 * Answers health checks as flanneld does (spec §4.4): `/healthz` from the start, `/readyz` once the agent is ready, any
 * method; and `/metrics`, which flannel does not have. Loaded only when there is a port for it: node:http costs memory and
 * start-up time.
 */
import { createServer, type Server } from 'node:http';
import { Fault } from '#runtime/fault.ts';

export interface HealthOptions {
  /** Address to listen at; empty: all. */
  readonly ip: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly ready: () => boolean;
  /** Prometheus' text for `/metrics`; undefined before there is anything to tell. Without it the path is unknown. */
  readonly metrics?: () => Promise<string | undefined>;
  /** How long closing waits for requests under way; default 3000. */
  readonly graceMs?: number;
}

export interface HealthServer {
  readonly port: number;
  /** Lets requests end, but no longer than the grace. */
  close(): Promise<void>;
}

const GRACE_MS = 3000;
const REQUEST_TIMEOUT_MS = 5000;
/** Checks come from a few places; more than that is somebody else. */
const MOST_CONNECTIONS = 64;
const MOST_HEADER_BYTES = 8192;
/** Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Listens when it resolves. Rejects with Fault `host.health-port`. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const { ip, port, graceMs = GRACE_MS } = options;
  const limits = {
    maxHeaderSize: MOST_HEADER_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
  };
  const server = createServer(limits, (request, response) => {
    const [path] = (request.url ?? '').split('?', 1);
    // A body that was sent along is of no interest.
    request.resume();
    void answer(path, options).then(({ code, body, type = 'text/plain; charset=utf-8' }) => {
      response.writeHead(code, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  server.maxConnections = MOST_CONNECTIONS;
  await listen(server, ip, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => close(server, graceMs),
  };
}

interface Answer {
  readonly code: number;
  readonly body: string;
  readonly type?: string;
}

async function answer(path: string | undefined, { ready, metrics }: HealthOptions): Promise<Answer> {
  if (path === '/metrics' && metrics !== undefined) return answerMetrics(metrics);
  if (path === '/healthz') return { code: 200, body: 'flanneld is running' };
  if (path !== '/readyz') return { code: 404, body: '404 page not found\n' };
  return ready() ? { code: 200, body: 'flanneld is ready' } : { code: 503, body: 'flanneld is not ready yet' };
}

/** A mistake of ours in a figure is no reason to stop what forwards. */
async function answerMetrics(metrics: NonNullable<HealthOptions['metrics']>): Promise<Answer> {
  try {
    const body = await metrics();
    if (body === undefined) return { code: 503, body: 'nothing to tell yet\n' };
    return { code: 200, body, type: METRICS_TYPE };
  } catch (error) {
    return { code: 500, body: `${error}\n` };
  }
}

function listen(server: Server, ip: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new Fault('host.health-port', {
          what: 'health checks cannot be answered',
          where: `-healthz-ip ${ip} -healthz-port ${port}`,
          why: cause.message,
          cause,
        }),
      );
    });
    server.listen({ port, ...(ip !== '' && { host: ip }) }, resolve);
  });
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
  });
}
