/** Whether docker really is on the lease: everything that is not as it should be, with its cause and what to do. Pure. */
import { LEASE_KEYS, leaseSettings } from './daemon-json.ts';
import { variableOfAgent } from './drop-ins.ts';
import { type LeaseFacts, leaseAsSettings } from './lease-facts.ts';
import type { EngineNetwork, RunningFacts } from './read-running.ts';
import { judgeBridge } from './stale-bridge.ts';
import { environmentFiles, unitValues, unitWords, usesVariable } from './unit.ts';
import { agentDropIn, type DiskFacts, ownsDaemonJson, type WirePlaces } from './wiring.ts';

export interface WireFinding {
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

export interface WireStatus {
  /** `by-hand`: as the guides do it, without drop-ins of ours. */
  readonly wired: 'dropin' | 'daemon-json' | 'by-hand' | 'no';
  readonly dockerUnit: string;
  readonly agentUnit: string;
  readonly order: { readonly afterAgent: boolean; readonly bind: 'requires' | 'wants' | 'none' };
  readonly lease: LeaseFacts | undefined;
  /** What docker itself says; undefined when it does not answer. */
  readonly docker: EngineNetwork | undefined;
  readonly docker0: RunningFacts['docker0'];
  readonly forward: RunningFacts['forward'];
  readonly findings: readonly WireFinding[];
}

export interface StatusFacts {
  readonly disk: DiskFacts;
  readonly running: RunningFacts;
  /** The options that the agent's unit has left for docker; undefined for no file, or none in it. */
  readonly options: string | undefined;
  /** Those of this lease; undefined without one. */
  readonly wantedOptions: string | undefined;
}

export function wireStatus(facts: StatusFacts, places: WirePlaces): WireStatus {
  const { disk, running } = facts;
  const wired = wiredForm(disk, places);
  const order = orderOf(disk);
  const status = {
    wired,
    dockerUnit: disk.docker.name,
    agentUnit: disk.agent.name,
    order,
    lease: disk.lease,
    docker: typeof running.engine === 'string' ? undefined : running.engine,
    docker0: running.docker0,
    forward: running.forward,
  };
  const findings = [
    ...wiringFindings(status, facts, places),
    ...orderFindings(status, running),
    ...engineFindings(status, running),
    ...forwardFindings(status),
  ];
  return { ...status, findings };
}

const NO_UNITS: NonNullable<RunningFacts['units']> = {
  docker: { active: false, since: 0 },
  agent: { active: false, since: 0 },
};

type Seen = Omit<WireStatus, 'findings'>;

function wiredForm(disk: DiskFacts, places: WirePlaces): WireStatus['wired'] {
  if (ownsDaemonJson(disk, places)) return 'daemon-json';
  const told = variableOfAgent(disk.agent);
  const taken = told !== undefined && unitValues(disk.docker, 'ExecStart').some((line) => usesVariable(line, told.key));
  if (!taken || !environmentFiles(disk.docker).includes(told.file)) return 'no';
  const ours = [...disk.docker.files, ...disk.agent.files].some(({ path, text }) => {
    return path.startsWith(`${places.unitDirectories[0]}/`) && text.startsWith('# Written by "weft docker wire"');
  });
  return ours ? 'dropin' : 'by-hand';
}

function orderOf(disk: DiskFacts): WireStatus['order'] {
  const { docker, agent } = disk;
  const has = (key: string): boolean => unitWords(docker, key).includes(agent.name);
  const before = unitWords(agent, 'Before').includes(docker.name);
  const required = has('Requires') || has('BindsTo') || unitWords(agent, 'RequiredBy').includes(docker.name);
  return { afterAgent: has('After') || before, bind: required ? 'requires' : has('Wants') ? 'wants' : 'none' };
}

function wiringFindings(seen: Seen, facts: StatusFacts, places: WirePlaces): readonly WireFinding[] {
  const { disk } = facts;
  if (seen.wired === 'no') {
    return [
      {
        what: 'docker is not told about the lease',
        why: `${disk.docker.name} takes over no options of the agent`,
        remedy: 'weft docker wire',
      },
    ];
  }
  if (disk.lease === undefined) {
    const why = `${disk.agent.name} has not been ready on this host yet`;
    return [{ what: `there is no lease in ${places.subnetFile}`, why, remedy: `systemctl status ${disk.agent.name}` }];
  }
  const again = `systemctl restart ${disk.agent.name}; weft docker status`;
  if (seen.wired === 'daemon-json') {
    const [has, wanted] = [leaseSettings(disk.daemonJson, places.daemonJson), leaseAsSettings(disk.lease)];
    const wrong = LEASE_KEYS.filter((key) => has[key] !== wanted[key]);
    if (wrong.length === 0) return [];
    const values = wrong.map((key) => `${key} ${has[key] ?? 'unset'} in place of ${wanted[key]}`).join(', ');
    return [
      {
        what: `daemon.json is not of this lease: ${values}`,
        why: `ExecStartPost= of ${disk.agent.name} did not write it (${agentDropIn(places, disk.agent.name)})`,
        remedy: again,
      },
    ];
  }
  if (facts.options === facts.wantedOptions) return [];
  const state = facts.options === undefined ? 'are not written' : `are not of this lease: ${facts.options}`;
  return [
    { what: `docker's options ${state}`, why: `ExecStartPost= of ${disk.agent.name} did not write it`, remedy: again },
  ];
}

function orderFindings({ order, dockerUnit, agentUnit }: Seen, { units }: RunningFacts): readonly WireFinding[] {
  const findings: WireFinding[] = [];
  if (!order.afterAgent) {
    const why = 'there is no After= between the two';
    findings.push({
      what: `${dockerUnit} may start before ${agentUnit}, without a lease`,
      why,
      remedy: 'weft docker wire',
    });
  }
  if (units?.docker.active === true && !units.agent.active) {
    findings.push({
      what: `${agentUnit} does not run`,
      why: 'docker keeps the lease it started with, and nobody renews it',
      remedy: `systemctl start ${agentUnit}`,
    });
  }
  return findings;
}

function engineFindings(seen: Seen, { engine, docker0, units }: RunningFacts): readonly WireFinding[] {
  const { lease, dockerUnit } = seen;
  const restart = `systemctl restart ${dockerUnit}`;
  if (typeof engine === 'string')
    return [{ what: 'docker does not answer', why: engine, remedy: `systemctl start ${dockerUnit}` }];
  if (lease === undefined) return [];
  const findings: WireFinding[] = [];
  const late = whyOther(seen, units);
  if (engine.bip !== lease.bip) {
    findings.push({
      what: `docker has ${engine.bip ?? 'no bridge'} and the lease is ${lease.bip}`,
      why: late,
      remedy: restart,
    });
  }
  if (engine.mtu !== lease.mtu) {
    findings.push({
      what: `docker gives containers an MTU of ${engine.mtu ?? 1500}, and the lease has ${lease.mtu}`,
      why: `${late}; packets larger than ${lease.mtu} do not arrive`,
      remedy: restart,
    });
  }
  if (engine.masquerade === lease.masquerade) {
    const both = engine.masquerade;
    findings.push({
      what: both ? 'docker and the agent both masquerade' : 'neither docker nor the agent masquerades',
      why: both
        ? 'containers of other hosts see this host in place of the sender'
        : 'containers do not reach what is outside the fabric',
      remedy: both ? restart : `start the agent with -ip-masq, then ${restart}`,
    });
  }
  const verdict = judgeBridge(docker0, lease.bip);
  if (verdict.kind !== 'right' && engine.bip === lease.bip) {
    const used = verdict.kind === 'in-use' ? `; attached: ${verdict.ports.join(', ')}` : '';
    findings.push({
      what: `docker0 has ${verdict.has} and the lease is ${lease.bip}`,
      why: `somebody changed it after docker started${used}`,
      remedy: restart,
    });
  }
  if (docker0 !== undefined && docker0.ports.length > 0 && docker0.mtu !== lease.mtu && engine.mtu === lease.mtu) {
    const why = 'a container that is older than the lease has another MTU, and the bridge goes by the smallest';
    findings.push({
      what: `docker0 has an MTU of ${docker0.mtu}, and the lease has ${lease.mtu}`,
      why,
      remedy: `restart the containers: ${engine.containers.join(', ')}`,
    });
  }
  return findings;
}

/** Why docker has something else than the lease says. */
function whyOther({ agentUnit }: Seen, units: RunningFacts['units']): string {
  const { docker, agent } = units ?? NO_UNITS;
  if (!docker.active || !agent.active || docker.since >= agent.since)
    return 'the lease is a new one, or docker was started with other options';
  const seconds = Math.ceil((agent.since - docker.since) / 1e6);
  return `docker started ${seconds} s before ${agentUnit} was ready`;
}

/** Docker sets the policy to DROP when it turns forwarding on itself; the agent's rules let the network through. */
function forwardFindings({ forward, agentUnit }: Seen): readonly WireFinding[] {
  if (forward === undefined || forward.policy === 'ACCEPT' || forward.accepted) return [];
  const why =
    'docker sets that policy when it turns forwarding on itself; rules of the agent that accept the network are not in iptables';
  const remedy = `start ${agentUnit} without -iptables-forward-rules=false; with EnableNFTables: iptables -P FORWARD ACCEPT`;
  return [{ what: `packets to containers are dropped: the policy of FORWARD is ${forward.policy}`, why, remedy }];
}
