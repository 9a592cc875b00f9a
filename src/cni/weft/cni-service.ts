/**
 * CniService: the plugin `weft` in the agent. One request after another for a container, many containers at once. What is
 * needed to serve is on disk and in the kernel, so that an agent that was restarted goes on where the other stopped.
 */
import { loadSubnetEnv, type SubnetEnv } from '#cni/flannel/subnet-env.ts';
import { configuredVersion } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError, errorText } from '#cni/protocol/error.ts';
import { type CniRequest, type Environment, parseRequest } from '#cni/protocol/request.ts';
import { asCniVersion, LATEST_VERSION } from '#cni/protocol/version.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import type { Owner } from './address-folder.ts';
import { attach } from './attach.ts';
import { type AttachmentPlan, attachmentPlan, networkPlaces } from './attachment-config.ts';
import { check, checkRoom } from './check.ts';
import { collectGarbage } from './collect-garbage.ts';
import { detach } from './detach.ts';
import { codeOf, type Files, systemFiles } from './files.ts';
import { HostSide } from './host-side.ts';
import { type Network, openNetwork, ownerKey } from './network.ts';
import { reclaim } from './reclaim.ts';

export interface CniServiceOptions {
  /** The agent's own, for networks that name no other. */
  readonly subnetFile: string;
  readonly log: Log;
  /** Default: the network namespace of this process. */
  readonly host?: HostSide;
  readonly files?: Files;
}

/** As the shim prints it: `ok` is the result, null where there is none; `failed` is a CNI error. */
export type CniAnswer = { readonly ok: object | null } | { readonly failed: object };

export class CniService {
  readonly #options: CniServiceOptions;
  readonly #host: HostSide;
  readonly #files: Files;
  /** Containers with requests that are served or wait, by id, each with the end of the last. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #busy = new Set<string>();
  /** Folders whose containers have been looked for since the agent's start. */
  readonly #reclaimed = new Set<string>();

  constructor(options: CniServiceOptions) {
    this.#options = options;
    this.#host = options.host ?? new HostSide();
    this.#files = options.files ?? systemFiles;
  }

  close(): void {
    this.#host.close();
  }

  /** Never throws: what goes wrong is the answer. */
  async serve(environment: Environment, input: string): Promise<CniAnswer> {
    try {
      const request = parseRequest(environment, input);
      const ok = await this.#inTurn(request, () => this.#serve(request));
      return { ok: ok ?? null };
    } catch (error) {
      const { code, message, details } = this.#refusal(error);
      const cniVersion = asCniVersion(configuredVersion(input)) ?? LATEST_VERSION;
      return { failed: { cniVersion, code, msg: message, ...(details !== undefined && { details }) } };
    }
  }

  async #serve(request: CniRequest): Promise<object | undefined> {
    const { config } = request;
    const places = networkPlaces(config);
    const network = openNetwork(places, {
      host: this.#host,
      files: this.#files,
      isBusy: (owner) => this.#busy.has(ownerKey(owner)),
    });
    this.#reclaimOnce(network, places.records);
    switch (request.command) {
      case 'ADD':
        return attach(network, request, this.#plan(request));
      case 'DEL':
        await detach(network, request);
        return undefined;
      case 'CHECK':
        await check(network, request, this.#plan(request));
        return undefined;
      case 'STATUS':
        checkRoom(network, this.#planForStatus(request));
        return undefined;
      case 'GC':
        await collectGarbage(network, config);
        return undefined;
      default:
        return request.command satisfies never;
    }
  }

  #plan({ config }: CniRequest): AttachmentPlan {
    return attachmentPlan(config, this.#lease(networkPlaces(config).subnetFile));
  }

  #planForStatus(request: CniRequest): AttachmentPlan {
    try {
      return this.#plan(request);
    } catch (error) {
      const { message, details } = this.#refusal(error);
      throw new CniError(CNI_CODES.notAvailable, message, details);
    }
  }

  #lease(file = this.#options.subnetFile): SubnetEnv {
    return loadSubnetEnv(file);
  }

  /** After the first request has been answered. */
  #reclaimOnce(network: Network, records: string): void {
    if (this.#reclaimed.has(records)) return;
    this.#reclaimed.add(records);
    const { log } = this.#options;
    setTimeout(() => {
      reclaim(network).then(
        (gone) =>
          gone.length > 0 &&
          log.info('containers that vanished were taken down', { network: network.name, count: gone.length }),
        (error: unknown) =>
          log.warn('containers that vanished are still there', { network: network.name, why: errorText(error) }),
      );
    }, RECLAIM_DELAY_MS).unref();
  }

  /** GC and STATUS are for no container and wait for none. */
  async #inTurn<Result>(owner: Owner, work: () => Promise<Result>): Promise<Result> {
    const { containerId } = owner;
    if (containerId === '') return work();
    const key = ownerKey(owner);
    const before = this.#turns.get(containerId);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.set(containerId, promise);
    await before;
    this.#busy.add(key);
    try {
      return await work();
    } finally {
      this.#busy.delete(key);
      if (this.#turns.get(containerId) === promise) this.#turns.delete(containerId);
      resolve();
    }
  }

  #refusal(error: unknown): CniError {
    if (error instanceof CniError) return error;
    if (error instanceof Fault) return new CniError(CNI_CODES.internal, error.message, error.why);
    const code = codeOf(error);
    if (code !== undefined) return new CniError(CNI_CODES.ioFailure, errorText(error));
    // A mistake of ours in one request is no reason to stop what forwards.
    this.#options.log.error('a CNI request failed', {
      why: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return new CniError(CNI_CODES.internal, 'the agent failed at this request', 'its log says more');
  }
}

const RECLAIM_DELAY_MS = 1000;
