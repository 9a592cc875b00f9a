/**
 * A trial of a network list: ADD, CHECK and DEL of a container that is a namespace, on a host that is one as well, so that
 * neither bridge nor rule nor address of this host is touched. What a runtime does, in its order.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JsonObject, parseObject, textMember } from '#cni/protocol/configuration.ts';
import { findPlugin } from '#cni/protocol/delegate.ts';
import { errorText } from '#cni/protocol/error.ts';
import { asCniVersion, isAtLeast } from '#cni/protocol/version.ts';
import { mustRun, runCommand } from '#runtime/command.ts';
import type { NetworkList } from './network-list.ts';
import type { PluginKind, TrialAgent } from './plugin-kind.ts';

export interface TrialRequest {
  readonly kind: PluginKind;
  readonly network: NetworkList;
  readonly binDir: string;
  /** Undefined when there is none yet: then one is made up, since only the plugins are on trial. */
  readonly subnetFile: string | undefined;
}

export interface TrialFailure {
  readonly plugin: string;
  readonly command: string;
  readonly why: string;
}

/** The result of the container's ADD, or which plugin failed at what. Throws Fault when no namespace can be made. */
export async function tryNetwork(request: TrialRequest): Promise<JsonObject | TrialFailure> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-cni-'));
  const name = `weft-trial-${process.pid}-${Date.now().toString(36)}`;
  let agent: TrialAgent | undefined;
  const namespaces = [`${name}-host`, `${name}-pod`];
  try {
    for (const each of namespaces)
      await mustRun({ argv: ['ip', 'netns', 'add', each], why: 'make a scratch namespace' });
    await mustRun({
      argv: ['ip', '-n', `${name}-host`, 'link', 'set', 'lo', 'up'],
      why: 'prepare the scratch namespace',
    });
    const subnetFile = request.subnetFile ?? join(folder, 'subnet.env');
    if (request.subnetFile === undefined) await writeFile(subnetFile, STAND_IN);
    agent = await request.kind.serveTrial?.(`/run/netns/${name}-host`, folder);
    return await new Trial(request, folder, subnetFile, { name, environment: agent?.environment ?? {} }).run();
  } finally {
    await agent?.close();
    for (const each of namespaces)
      await runCommand({ argv: ['ip', 'netns', 'delete', each], why: 'remove a scratch namespace' });
    await rm(folder, { recursive: true, force: true });
  }
}

export function isFailure(outcome: JsonObject | TrialFailure): outcome is TrialFailure {
  return 'why' in outcome;
}

const STAND_IN = [
  'FLANNEL_NETWORK=198.18.0.0/16',
  'FLANNEL_SUBNET=198.18.7.1/24',
  'FLANNEL_MTU=1400',
  'FLANNEL_IPMASQ=true',
  '',
].join('\n');
const PORT_MAPPINGS = [{ hostPort: 18_080, containerPort: 80, protocol: 'tcp' }];

interface TrialRun extends Pick<TrialAgent, 'environment'> {
  /** Its namespaces are called `NAME-host` and `NAME-pod`. */
  readonly name: string;
}

class Trial {
  readonly #request: TrialRequest;
  readonly #folder: string;
  readonly #subnetFile: string;
  readonly #name: string;
  readonly #environment: TrialAgent['environment'];

  constructor(request: TrialRequest, folder: string, subnetFile: string, run: TrialRun) {
    this.#request = request;
    this.#folder = folder;
    this.#subnetFile = subnetFile;
    this.#name = run.name;
    this.#environment = run.environment;
  }

  async run(): Promise<JsonObject | TrialFailure> {
    const { plugins, cniVersion } = this.#request.network;
    let result: JsonObject | undefined;
    let failure: TrialFailure | undefined;
    for (const plugin of plugins) {
      const answer = await this.#call('ADD', plugin, result);
      if (typeof answer !== 'string') {
        failure = answer;
        break;
      }
      result = parseObject(answer, 'result');
    }
    const version = asCniVersion(cniVersion);
    if (failure === undefined && version !== undefined && isAtLeast(version, '0.4.0')) {
      // Only of our own plugin: portmap 1.1.1 (Debian 12) misses IPv6 rules that a container of IPv4 never has.
      const own = plugins.filter((plugin) => plugin['type'] === this.#request.kind.plugin);
      failure = await this.#each('CHECK', own, result);
    }
    // Also after a failure, as runtimes do.
    const deleted = await this.#each('DEL', [...plugins].reverse(), result);
    failure ??= deleted;
    return failure ?? result ?? { plugin: '-', command: 'ADD', why: 'the network list has no plugin' };
  }

  async #each(
    command: string,
    plugins: readonly JsonObject[],
    result: JsonObject | undefined,
  ): Promise<TrialFailure | undefined> {
    for (const plugin of plugins) {
      const answer = await this.#call(command, plugin, result);
      if (typeof answer !== 'string') return answer;
    }
    return undefined;
  }

  async #call(command: string, plugin: JsonObject, prevResult: JsonObject | undefined): Promise<string | TrialFailure> {
    const { kind, network, binDir } = this.#request;
    const type = textMember(plugin, 'type') ?? '';
    const own = type === kind.plugin ? kind.forTrial(plugin, this.#folder, this.#subnetFile) : plugin;
    const mapped = JSON.stringify(plugin['capabilities'] ?? {}).includes('"portMappings":true');
    const config = {
      ...own,
      name: network.name,
      cniVersion: network.cniVersion,
      ...(mapped && { runtimeConfig: { portMappings: PORT_MAPPINGS } }),
      ...(prevResult !== undefined && { prevResult }),
    };
    try {
      const output = await runCommand({
        argv: ['nsenter', `--net=/run/netns/${this.#name}-host`, '--', findPlugin(type, [binDir])],
        environment: {
          ...this.#environment,
          CNI_COMMAND: command,
          CNI_CONTAINERID: this.#name,
          CNI_NETNS: `/run/netns/${this.#name}-pod`,
          CNI_IFNAME: 'eth0',
          CNI_PATH: binDir,
        },
        stdin: JSON.stringify(config),
        why: `try ${command} of the plugin ${type}`,
      });
      if (output.code === 0) return output.stdout;
      return { plugin: type, command, why: refusalText(output.stdout) ?? output.stderr.trim() };
    } catch (error) {
      return { plugin: type, command, why: errorText(error) };
    }
  }
}

/** The words of an error that a plugin printed. */
function refusalText(stdout: string): string | undefined {
  try {
    const members = parseObject(stdout, 'error');
    const words = [textMember(members, 'msg'), textMember(members, 'details')].filter((text) => text !== undefined);
    return words.length === 0 ? undefined : words.join('; ');
  } catch {
    return undefined;
  }
}
