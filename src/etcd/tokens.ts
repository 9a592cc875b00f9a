/** The token that stands for user and password on every call. One login serves all callers that wait for it. */
import type { EtcdOptions } from './api.ts';
import type { Endpoints } from './endpoints.ts';
import { decodeAuthenticate, encodeAuthenticate } from './member-messages.ts';
import { wholeMessage } from './message-decoder.ts';

export class Tokens {
  readonly username: string | undefined;
  readonly #password: string;
  readonly #endpoints: Endpoints;
  readonly #timeoutMs: number;
  #current: Promise<string | undefined> | undefined;

  constructor(options: EtcdOptions, endpoints: Endpoints, timeoutMs: number) {
    this.username = options.username === undefined || options.username === '' ? undefined : options.username;
    this.#password = options.password ?? '';
    this.#endpoints = endpoints;
    this.#timeoutMs = timeoutMs;
  }

  /** The token in use, after a login if need be; undefined without a user, or when the cluster has no users. */
  get(): Promise<string | undefined> {
    if (this.username === undefined) return Promise.resolve(undefined);
    if (this.#current === undefined) {
      const login = this.#login(this.username);
      this.#current = login;
      login.catch(() => {
        if (this.#current === login) this.#current = undefined;
      });
    }
    return this.#current;
  }

  /** etcd does not take this token any more: the next `get` logs in anew. */
  async renounce(stale: string | undefined): Promise<void> {
    const current = this.#current;
    if ((await current) === stale && this.#current === current) this.#current = undefined;
  }

  async #login(username: string): Promise<string | undefined> {
    const outcome = await this.#endpoints.call(
      {
        path: '/etcdserverpb.Auth/Authenticate',
        asked: 'the login',
        message: encodeAuthenticate(username, this.#password),
        decoder: () => wholeMessage(decodeAuthenticate),
        repeatable: true,
      },
      { wantsLeader: true, username },
      this.#timeoutMs,
    );
    if (outcome.type === 'ok') return outcome.value;
    if (/authentication is not enabled/.test(outcome.fault.why ?? '')) return undefined;
    throw outcome.fault;
  }
}
