/** Reads what runs on a host: the units, what docker says of its network, its bridge, the policy for forwarded packets. */
import { type Bridge, readBridge } from '#hosts/bridge.ts';
import type { Host } from '#hosts/host.ts';
import type { CommandOutput } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

export const BRIDGE = 'docker0';

export interface UnitState {
  readonly active: boolean;
  /** Microseconds after boot at which it became so; 0 when it is not. */
  readonly since: number;
}

export interface EngineNetwork {
  /** `172.30.71.1/24`; undefined when docker has no bridge network with an address. */
  readonly bip: string | undefined;
  /** Undefined when docker names none: then it is 1500. */
  readonly mtu: number | undefined;
  readonly masquerade: boolean;
  /** Names of the containers on it. */
  readonly containers: readonly string[];
}

export interface ForwardPolicy {
  readonly policy: string;
  /** Whether the agent's rules are there, which accept the network. */
  readonly accepted: boolean;
}

export interface RunningFacts {
  /** Undefined where no systemd runs. */
  readonly units: { readonly docker: UnitState; readonly agent: UnitState } | undefined;
  /** Text: why docker does not answer. */
  readonly engine: EngineNetwork | string;
  readonly docker0: Bridge | undefined;
  /** Undefined when iptables cannot tell. */
  readonly forward: ForwardPolicy | undefined;
}

/** Whose docker it is that answers: the unit's of that name; undefined where DOCKER_HOST names one that is no unit. */
export type DockerUnit = string | undefined;

export async function readRunning(host: Host, docker: DockerUnit, agent: string): Promise<RunningFacts> {
  const [units, engine, docker0, forward] = await Promise.all([
    readUnits(host, docker, agent),
    readEngine(host, docker),
    readBridge(host, BRIDGE),
    readForward(host),
  ]);
  if (typeof engine === 'string' || engine.bip !== undefined) return { units, engine, docker0, forward };
  // A docker that was told no address chose one, and names it nowhere but on the bridge.
  const chosen = docker0?.addresses.find((address) => !address.includes(':'));
  return { units, engine: { ...engine, bip: chosen }, docker0, forward };
}

/** Whether systemd is this host's service manager at this moment; in a container or on another system it is not. */
export async function hasSystemd(host: Host): Promise<boolean> {
  return (await host.run({ argv: ['test', '-d', '/run/systemd/system'], why: 'look for systemd' })).code === 0;
}

/**
 * What docker itself says; text: why it says nothing. A unit that is not active is not asked, since its socket would start it.
 */
export async function readEngine(host: Host, docker: DockerUnit): Promise<EngineNetwork | string> {
  if (docker !== undefined && (await hasSystemd(host)) && !(await readState(host, docker)).active) {
    return `${docker} is not active`;
  }
  const why = 'ask docker for its network';
  const inspected = await attempt(host, ['docker', 'network', 'inspect', '--format', '{{json .}}', 'bridge'], why);
  if (typeof inspected === 'string') return inspected;
  const listed = await attempt(host, ['docker', 'ps', '--filter', 'network=bridge', '--format', '{{.Names}}'], why);
  const containers = typeof listed === 'string' ? [] : listed.stdout.split('\n').filter((name) => name !== '');
  return parseEngine(inspected.stdout, containers);
}

interface InspectedNetwork {
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] };
  readonly Options?: Readonly<Record<string, string>>;
}

function parseEngine(text: string, containers: readonly string[]): EngineNetwork | string {
  let network: InspectedNetwork;
  try {
    network = JSON.parse(text);
  } catch {
    return 'docker network inspect did not print JSON';
  }
  // IPv4 alone: the second entry, if any, is IPv6.
  const ipv4 = network.IPAM?.Config?.find(({ Subnet = '' }) => Subnet.includes('.'));
  const length = ipv4?.Subnet?.split('/')[1];
  const gateway = ipv4?.Gateway;
  const mtu = network.Options?.['com.docker.network.driver.mtu'];
  return {
    bip: gateway === undefined || length === undefined ? undefined : `${gateway}/${length}`,
    mtu: mtu === undefined ? undefined : Number(mtu),
    masquerade: network.Options?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false',
    containers,
  };
}

async function readUnits(host: Host, docker: DockerUnit, agent: string): Promise<RunningFacts['units']> {
  if (docker === undefined || !(await hasSystemd(host))) return undefined;
  return { docker: await readState(host, docker), agent: await readState(host, agent) };
}

async function readState(host: Host, name: string): Promise<UnitState> {
  const argv = ['systemctl', 'show', '--property=ActiveState,ActiveEnterTimestampMonotonic', name];
  const output = await attempt(host, argv, `ask systemd for ${name}`);
  const text = typeof output === 'string' ? '' : output.stdout;
  const active = /^ActiveState=active$/m.test(text);
  const since = Number(/^ActiveEnterTimestampMonotonic=(\d+)$/m.exec(text)?.[1] ?? 0);
  return { active, since: active ? since : 0 };
}

async function readForward(host: Host): Promise<ForwardPolicy | undefined> {
  const output = await attempt(
    host,
    ['iptables', '--wait', '-S', 'FORWARD'],
    'look at the rules for forwarded packets',
  );
  if (typeof output === 'string') return undefined;
  const policy = /^-P FORWARD (\w+)$/m.exec(output.stdout)?.[1];
  return policy === undefined ? undefined : { policy, accepted: /^-A FORWARD .*-j FLANNEL-FWD$/m.test(output.stdout) };
}

/** Its output, or in a few words why there is none. */
async function attempt(host: Host, argv: readonly string[], why: string): Promise<CommandOutput | string> {
  try {
    const output = await host.run({ argv, why });
    return output.code === 0 ? output : output.stderr.trim().slice(-300) || `exit code ${output.code}`;
  } catch (error) {
    if (error instanceof Fault) return error.summary;
    throw error;
  }
}
