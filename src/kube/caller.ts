/** Makes calls as who we are, and turns refusals into Faults. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#runtime/fault.ts';
import type { KubeAccess } from './access.ts';
import { KubeAgent } from './dial.ts';
import { type KubeRequest, openExchange, readBody } from './exchange.ts';
import { codeOf, protocolFault, refusalFault, refusalOf } from './faults.ts';
import { parseJson } from './json.ts';

/** Headers and body are made here; everything else is the call's. */
export type KubeCall = Pick<KubeRequest, 'method' | 'path' | 'asked' | 'signal'> & {
  readonly patch?: object;
  /** The answer may be large: let the server compress it. */
  readonly compressed?: boolean;
};

const TRIES_WHEN_BUSY = 3;
const LONGEST_WAIT_MS = 10_000;

export class KubeCaller {
  readonly url: string;
  readonly timeoutMs: number;
  readonly #access: KubeAccess;
  readonly #agent: KubeAgent;

  constructor(access: KubeAccess, timeoutMs: number) {
    this.url = access.url;
    this.timeoutMs = timeoutMs;
    this.#access = access;
    this.#agent = new KubeAgent(access, timeoutMs);
  }

  /** The parsed answer. A server that is busy (429) is asked again after as long as it says. */
  async call(call: KubeCall): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      const response = await this.#open(call);
      const text = await readBody(response, this.url, this.timeoutMs);
      const { statusCode = 0 } = response;
      if (statusCode === 200 || statusCode === 201) {
        const body = parseJson(text);
        if (body === undefined) throw protocolFault(this.url, `its answer to ${call.asked} is no JSON`);
        return body;
      }
      if (statusCode !== 429 || tries >= TRIES_WHEN_BUSY) {
        throw refusalFault(refusalOf(statusCode, text, this.url, call.asked));
      }
      await pause(Math.min(Number(response.headers['retry-after'] ?? 1) * 1000 || 1000, LONGEST_WAIT_MS));
    }
  }

  /** The answer with its body still to come. */
  async stream(call: KubeCall): Promise<IncomingMessage> {
    const response = await this.#open(call);
    const { statusCode = 0 } = response;
    if (statusCode === 200) return response;
    const text = await readBody(response, this.url, this.timeoutMs);
    throw refusalFault(refusalOf(statusCode, text, this.url, call.asked));
  }

  close(): void {
    this.#agent.close();
  }

  async #open(call: KubeCall): Promise<IncomingMessage> {
    const { method, path, asked, signal, patch, compressed } = call;
    const token = this.#token();
    return openExchange(this.#agent, this.url, {
      method,
      path,
      asked,
      timeoutMs: this.timeoutMs,
      headers: {
        accept: 'application/json',
        'user-agent': 'weft',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(compressed === true ? { 'accept-encoding': 'gzip' } : {}),
        ...(patch === undefined ? {} : { 'content-type': 'application/strategic-merge-patch+json' }),
      },
      ...(patch === undefined ? {} : { body: JSON.stringify(patch) }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #token(): string | undefined {
    const { token: source } = this.#access;
    if (source === undefined) return undefined;
    const text = 'token' in source ? source.token : readToken(source.path);
    // Also keeps a line break from becoming a header of its own.
    if (/^[\x21-\x7e]+$/.test(text)) return text;
    const where = 'token' in source ? {} : { where: source.path };
    throw new Fault('kube.config', { what: 'the token is empty or holds other characters than a token may', ...where });
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const code = codeOf(error);
    const why = code === 'ENOENT' ? 'no such file' : code;
    throw new Fault('kube.config', { what: 'the token file cannot be read', where: path, why, cause: error });
  }
}
