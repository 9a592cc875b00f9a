/**
 * What is said over the control socket: the client writes one JSON object on a line, `{"method":"status","params":{…}}`, the
 * agent answers with one on a line and ends the connection: `{"result":…}` or `{"error":{"code",…}}`. Pure.
 */
import { isJsonObject } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';
import { isFaultCode } from '#runtime/fault-table.ts';

export const DEFAULT_CONTROL_SOCKET = '/run/weft/agent.sock';
/** The variable by which commands are told another one. */
export const CONTROL_SOCKET_VARIABLE = 'WEFT_CONTROL_SOCKET';

/** A longer request is refused; a CNI request has about 4 KB, and what GC is told of a thousand containers 150 KB. */
export const LONGEST_REQUEST_BYTES = 2 * 1024 * 1024;
/** A longer answer is not read: ten thousand peers have 2 MB. */
export const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024;

export type Params = { readonly [name: string]: Json };

export interface ControlRequest {
  readonly method: string;
  readonly params: Params;
}

/** Without the line end. Throws Fault `agent.request`. */
export function decodeRequest(line: string): ControlRequest {
  const request = parseJson(line);
  if (!isJsonObject(request)) throw misunderstood('the request is no JSON object');
  const { method, params = {} } = request;
  if (typeof method !== 'string') throw misunderstood('the request names no method');
  if (!isJsonObject(params)) throw misunderstood('params is no JSON object');
  return { method, params };
}

export function encodeRequest(request: ControlRequest): string {
  return `${JSON.stringify(request)}\n`;
}

export function encodeResult(result: unknown): string {
  return `${JSON.stringify({ result })}\n`;
}

export function encodeFault({ code, message, where, why, remedy }: Fault): string {
  return `${JSON.stringify({ error: { code, message, where, why, remedy } })}\n`;
}

/** The result in an answer. Throws the Fault that is in it, or `agent.answer` when it is none. */
export function decodeAnswer(line: string): Json {
  const answer = parseJson(line);
  if (!isJsonObject(answer)) throw unreadable('the answer is no JSON object');
  const { result, error } = answer;
  if (result !== undefined) return result;
  if (!isJsonObject(error)) throw unreadable('the answer has neither result nor error');
  const { code, message, where, why, remedy } = error;
  throw new Fault(typeof code === 'string' && isFaultCode(code) ? code : 'agent.answer', {
    what: typeof message === 'string' ? message : 'the agent says that it failed',
    ...(typeof where === 'string' && { where }),
    ...(typeof why === 'string' && { why }),
    ...(typeof remedy === 'string' && { remedy }),
  });
}

export function misunderstood(what: string): Fault {
  return new Fault('agent.request', { what });
}

export function unreadable(what: string): Fault {
  return new Fault('agent.answer', { what });
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
