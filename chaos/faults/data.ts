/** Faults of what packets need on a host: another program, or an operator's slip, breaks it, and the agent repairs it. */
import type { ChaosFault, Inflicted, Scene } from './fault.ts';

const DEVICE = 'flannel.1';

export const DATA_FAULTS: readonly ChaosFault[] = [
  breaking('device-delete', `deletion of ${DEVICE}`, ['ip', 'link', 'del', DEVICE]),
  breaking('device-down', `${DEVICE} set down, which takes its routes along`, ['ip', 'link', 'set', DEVICE, 'down']),
  breaking('device-mac', `another MAC on ${DEVICE}`, ['ip', 'link', 'set', DEVICE, 'address', '0a:00:00:00:00:01']),
  breaking('device-mtu', `another MTU on ${DEVICE}`, ['ip', 'link', 'set', DEVICE, 'mtu', '1000']),
  breaking('address-flush', `flush of the addresses of ${DEVICE}`, ['ip', 'address', 'flush', 'dev', DEVICE]),
  breaking('route-flush', `flush of the routes over ${DEVICE}`, ['ip', 'route', 'flush', 'dev', DEVICE]),
  breaking('neighbour-flush', `flush of the neighbours on ${DEVICE}`, [
    ...['ip', 'neighbour', 'flush', 'dev', DEVICE, 'nud', 'permanent'],
  ]),
  {
    name: 'fdb-flush',
    kind: 'data',
    summary: `deletion of the forwarding entries of ${DEVICE}`,
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      const entries = (await scene.run(host, 'bridge', 'fdb', 'show', 'dev', DEVICE)).split('\n');
      const deletions = entries.flatMap((entry) => {
        const [, mac, address] = /^([0-9a-f:]{17}) dst (\S+)/.exec(entry) ?? [];
        return mac === undefined ? [] : [`fdb del ${mac} dev ${DEVICE} dst ${address} self\n`];
      });
      if (deletions.length === 0) throw new Error(`${DEVICE} on ${host.name} has no entry to delete`);
      await scene.run(host, 'sh', '-c', `printf '${deletions.join('').replaceAll('\n', '\\n')}' | bridge -batch -`);
      return { detail: host.name, host };
    },
  },
  {
    name: 'firewall-flush',
    kind: 'data',
    summary: 'nft flush ruleset, then FORWARD policy DROP: a firewall that is loaded anew',
    inflict: (scene) => onAnyHost(scene, ['sh', '-c', 'nft flush ruleset && iptables -P FORWARD DROP'], ACCEPT),
  },
  {
    name: 'iptables-flush',
    kind: 'data',
    summary: 'FORWARD policy DROP, then iptables -F in filter and nat',
    inflict: (scene) => {
      const script = 'iptables -P FORWARD DROP && iptables -F && iptables -t nat -F';
      return onAnyHost(scene, ['sh', '-c', script], ACCEPT);
    },
  },
  {
    name: 'forward-drop',
    kind: 'data',
    summary: 'FORWARD policy DROP, as docker sets it when it starts',
    inflict: (scene) => onAnyHost(scene, ['iptables', '-P', 'FORWARD', 'DROP'], ACCEPT),
  },
  {
    name: 'ip-forward-off',
    kind: 'data',
    summary: 'net.ipv4.ip_forward = 0',
    inflict: (scene) =>
      onAnyHost(
        scene,
        ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=0'],
        ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'],
      ),
  },
];

/** The policy is the host's own; what the fabric needs has to pass whichever it is. */
const ACCEPT = ['iptables', '-P', 'FORWARD', 'ACCEPT'];

function breaking(name: string, summary: string, argv: readonly string[]): ChaosFault {
  return { name, kind: 'data', summary, inflict: (scene) => onAnyHost(scene, argv) };
}

async function onAnyHost(scene: Scene, argv: readonly string[], undo?: readonly string[]): Promise<Inflicted> {
  const host = scene.random.pick(scene.state().plan.hosts);
  await scene.run(host, ...argv);
  return { detail: host.name, host, ...(undo !== undefined && { clear: () => scene.run(host, ...undo) }) };
}
