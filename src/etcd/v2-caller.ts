/** Makes v2 calls as the user given, on whichever member serves them, and reads the answers. */
import type { Fault } from '#runtime/fault.ts';
import type { EtcdOptions } from './api.ts';
import { type Asked, Failover } from './failover.ts';
import type { Outcome } from './outcome.ts';
import type { V2Node } from './v2-api.ts';
import type { V2ExchangeOptions, V2Reply, V2Request } from './v2-exchange.ts';
import { notV2Fault, unexpectedAnswer } from './v2-faults.ts';
import type { V2Member } from './v2-member.ts';
import { MalformedReply, nodeOf } from './v2-reply.ts';

export interface V2Call extends Asked {
  readonly query: Readonly<Record<string, string>>;
  readonly form?: string;
}

/** A reply, and the endpoint that sent it. */
export interface V2Answer extends V2Reply {
  readonly url: string;
}

type Method = V2Request['method'];

export class V2Caller {
  readonly timeoutMs: number;
  readonly #failover: Failover<V2Member>;
  readonly #username: string | undefined;
  readonly #authorization: string | undefined;

  constructor(members: readonly V2Member[], { username, password }: EtcdOptions, timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#failover = new Failover(members);
    if (username !== undefined && username !== '') {
      this.#username = username;
      this.#authorization = `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
    }
  }

  /** The member to watch now. */
  get first(): V2Member {
    return this.#failover.first;
  }

  demote(member: V2Member): void {
    this.#failover.demote(member);
  }

  /** The answer of whichever member serves it, or throws a Fault. */
  async call(method: Method, key: string, call: V2Call): Promise<V2Answer> {
    const request = requestOf(method, key, call);
    const outcome = await this.#failover.ask(call, this.timeoutMs, async (member, connectMs, timeoutMs) => {
      const result = await member.exchange(request, this.#options({ connectMs, timeoutMs }));
      return result.type === 'ok' ? { type: 'ok', value: { ...result.value, url: member.endpoint.url } } : result;
    });
    if (outcome.type === 'ok') return outcome.value;
    throw outcome.fault;
  }

  /** The answer of that member and no other. `more.poll` makes it a request that stays open. */
  callMember(
    member: V2Member,
    method: Method,
    key: string,
    call: Omit<V2Call, 'repeatable'>,
    more: Pick<V2ExchangeOptions, 'poll' | 'signal'> = {},
  ): Promise<Outcome<V2Reply>> {
    const { timeoutMs } = this;
    return member.exchange(requestOf(method, key, call), {
      ...this.#options({ connectMs: timeoutMs, timeoutMs }),
      ...more,
    });
  }

  /** What `reader` finds in the answer; an error that the verb has no meaning for, or a wrong shape, is a Fault. */
  read<T>(answer: V2Answer, asked: string, reader: (body: unknown) => T): T {
    if (answer.error !== undefined) throw this.unexpected(answer, asked, answer.error.text);
    try {
      return reader(answer.body);
    } catch (error) {
      if (error instanceof MalformedReply) throw notV2Fault(answer.url, error.message);
      throw error;
    }
  }

  /** The key that was written. */
  readValue(answer: V2Answer, asked: string): V2Node {
    const node = this.read(answer, asked, nodeOf);
    if (node === 'directory') throw notV2Fault(answer.url, 'it wrote a directory in place of a value');
    return node;
  }

  unexpected(answer: V2Answer, asked: string, text: string): Fault {
    return unexpectedAnswer(asked, answer.url, text);
  }

  close(): void {
    this.#failover.close();
    for (const member of this.#failover.all) member.close();
  }

  #options(limits: Pick<V2ExchangeOptions, 'connectMs' | 'timeoutMs'>): V2ExchangeOptions {
    return { ...limits, username: this.#username, authorization: this.#authorization };
  }
}

function requestOf(method: Method, key: string, { asked, query, form }: Omit<V2Call, 'repeatable'>): V2Request {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const search = new URLSearchParams(query).toString();
  return {
    method,
    path: `/v2/keys${path}${search === '' ? '' : `?${search}`}`,
    asked,
    ...(form === undefined ? {} : { form }),
  };
}
