/** One gRPC call as an HTTP/2 stream (gRPC over HTTP/2, PROTOCOL-HTTP2.md): requests, answers, and how it ended. */
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { Fault } from '#runtime/fault.ts';
import { protocolFault, timeoutFault } from './faults.ts';
import { FrameReader, frameMessage } from './grpc-frames.ts';
import type { MessageDecoder } from './message-decoder.ts';
import { type Failure, type Outcome, refusalFailure } from './outcome.ts';
import type { Session } from './session.ts';

const RST_REFUSED_STREAM = 7;
const RST_CANCEL = 8;

export interface CallRequest<T> {
  /** `/etcdserverpb.KV/Range`. */
  readonly path: string;
  /** What is asked, for messages: `put "/a"`. */
  readonly asked: string;
  readonly message: Buffer;
  readonly decoder: () => MessageDecoder<T>;
}

export interface CallContext {
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  /** Refuse at once when the member knows no leader, rather than wait for one. */
  readonly wantsLeader: boolean;
}

export interface CallStream {
  /** Takes no more answers; `onEnd` is not called. */
  cancel(): void;
  /** Holds back answers until `resume`. */
  pause(): void;
  resume(): void;
}

/** `ok` without a value: the stream ended with status OK. */
export type StreamEnd = Outcome<undefined>;

/** Opens a call that stays open for answers; the first message is sent at once. */
export function openStream<T>(
  session: Session,
  request: CallRequest<T>,
  context: CallContext,
  onMessage: (message: T) => void,
  onEnd: (end: StreamEnd) => void,
): CallStream {
  const stream = start(session, request, context, undefined);
  if ('type' in stream) {
    // Not before the caller has what this returns.
    queueMicrotask(() => onEnd(stream));
    return { cancel: () => {}, pause: () => {}, resume: () => {} };
  }
  let over = false;
  stream.write(frameMessage(request.message));
  follow(session, stream, request, context, onMessage, (end) => {
    if (!over) onEnd(end);
    over = true;
  });
  return {
    cancel() {
      over = true;
      stream.close(RST_CANCEL);
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  };
}

/** One request, one answer, within `timeoutMs`. */
export function callOnce<T>(
  session: Session,
  request: CallRequest<T>,
  context: CallContext,
  timeoutMs: number,
): Promise<Outcome<T>> {
  const stream = start(session, request, context, timeoutMs);
  if ('type' in stream) return Promise.resolve(stream);
  return new Promise((resolve) => {
    let answer: { readonly value: T } | undefined;
    const timer = setTimeout(() => {
      const fault = timeoutFault(`etcd did not answer ${request.asked}`, session.endpoint.url, timeoutMs);
      resolve({ type: 'failed', kind: 'unknown', fault });
      stream.close(RST_CANCEL);
    }, timeoutMs);
    const onMessage = (value: T): void => {
      answer ??= { value };
    };
    follow(session, stream, request, context, onMessage, (end) => {
      clearTimeout(timer);
      if (end.type === 'failed') resolve(end);
      else if (answer !== undefined) resolve({ type: 'ok', value: answer.value });
      else resolve(broken(protocolFault({ where: session.endpoint.url, why: 'it sent no answer' })));
    });
    stream.end(frameMessage(request.message));
  });
}

function start<T>(
  session: Session,
  request: CallRequest<T>,
  context: CallContext,
  timeoutMs: number | undefined,
): ClientHttp2Stream | Failure {
  const headers: OutgoingHttpHeaders = {
    ':method': 'POST',
    ':path': request.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  if (timeoutMs !== undefined) headers['grpc-timeout'] = `${Math.max(1, Math.ceil(timeoutMs))}m`;
  if (context.wantsLeader) headers.hasleader = 'true';
  if (context.token !== undefined) headers.token = context.token;
  try {
    return session.open(headers, timeoutMs !== undefined);
  } catch (error) {
    return { type: 'failed', kind: 'unsent', fault: session.explain(error) };
  }
}

/** Reads the stream to its end and reports that once. */
function follow<T>(
  session: Session,
  stream: ClientHttp2Stream,
  request: CallRequest<T>,
  context: CallContext,
  onMessage: (message: T) => void,
  onEnd: (end: StreamEnd) => void,
): void {
  const { url } = session.endpoint;
  const frames = new FrameReader(request.decoder, onMessage);
  let end: StreamEnd | undefined;
  let streamError: unknown;
  const takeStatus = (headers: IncomingHttpHeaders): void => {
    const status = headers['grpc-status'];
    if (status === undefined) return;
    const code = Number(status);
    const text = percentDecoded(String(headers['grpc-message'] ?? ''));
    end ??=
      code === 0 ? completed() : refusalFailure({ code, text, url, asked: request.asked, username: context.username });
  };
  const completed = (): StreamEnd => guarded(() => frames.finish()) ?? { type: 'ok', value: undefined };
  const guarded = (read: () => void): Failure | undefined => {
    try {
      read();
      return undefined;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return broken(
        new Fault(error.code, { what: error.message, where: url, ...(error.why ? { why: error.why } : {}) }),
      );
    }
  };
  stream.on('response', (headers) => {
    session.heard();
    const fault = notGrpc(headers, url);
    if (fault !== undefined) {
      end ??= broken(fault);
      stream.close(RST_CANCEL);
    } else takeStatus(headers);
  });
  stream.on('data', (chunk: Buffer) => {
    session.heard();
    if (end !== undefined) return;
    end = guarded(() => frames.push(chunk));
    if (end !== undefined) stream.close(RST_CANCEL);
  });
  stream.on('trailers', takeStatus);
  stream.on('error', (error) => {
    streamError = error;
  });
  stream.on('close', () => {
    if (end !== undefined) onEnd(end);
    else if (stream.rstCode === RST_REFUSED_STREAM) {
      onEnd({ type: 'failed', kind: 'unsent', fault: session.explain(streamError) });
    } else onEnd(broken(session.explain(streamError)));
  });
}

function broken(fault: Fault): Failure {
  return { type: 'failed', kind: 'unknown', fault };
}

function notGrpc(headers: IncomingHttpHeaders, url: string): Fault | undefined {
  const status = Number(headers[':status']);
  const type = String(headers['content-type'] ?? 'none');
  if (status === 200 && type.startsWith('application/grpc')) return undefined;
  return protocolFault({ where: url, why: `it answers with HTTP status ${status} and content type ${type}` });
}

/** grpc-message is percent-encoded; what is not valid is taken as it is. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
