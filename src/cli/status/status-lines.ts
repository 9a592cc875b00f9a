/** The lines of the page: what there is, in plain words. Pure. */
import type { StatusReport } from '#agent/publish/status-report.ts';
import { formatSpan } from './age.ts';

type Line = readonly [name: string, text: string];

/** `now` in milliseconds since 1970. */
export function statusLines(report: StatusReport, now: number): readonly Line[] {
  return [
    ['Lease', leaseText(report, now)],
    ['Network', networkText(report)],
    ['Interface', underlayText(report)],
    ...report.devices.map(({ name, mac }): Line => ['Device', [name, ...(mac === undefined ? [] : [mac])].join(', ')]),
    ['Store', storeText(report, now)],
    ['Peers', peersText(report)],
    ['Firewall', firewallText(report)],
    ...fastPathLines(report),
    ['Kernel', kernelText(report)],
    ['Agent', agentText(report)],
  ];
}

function leaseText({ lease }: StatusReport, now: number): string {
  if (lease === undefined) return 'none yet';
  const { subnets, reservation, heldSince, renewsAt, expiresAt } = lease;
  const until = (moment: string): string => formatSpan((Date.parse(moment) - now) / 1000);
  return [
    subnets.join(' and '),
    ...(reservation ? ['a reservation: it does not end'] : []),
    ...(heldSince === undefined ? [] : [`held for ${formatSpan((now - Date.parse(heldSince)) / 1000)}`]),
    ...(renewsAt === undefined ? [] : [`renewed in ${until(renewsAt)}`]),
    ...(expiresAt === undefined ? [] : [Date.parse(expiresAt) > now ? `ends in ${until(expiresAt)}` : 'expired']),
  ].join(', ');
}

function networkText({ network }: StatusReport): string {
  return network === undefined ? 'not read yet' : `${network.cidrs.join(' and ')}, backend ${network.backend}`;
}

function underlayText({ underlay }: StatusReport): string {
  if (underlay === undefined) return 'none chosen yet';
  const { interface: name, mtu, podMtu, addresses } = underlay;
  const texts = addresses.map(({ address, publicIp }) =>
    publicIp === address ? address : `${address} (peers reach it at ${publicIp})`,
  );
  return [name, ...texts, `MTU ${mtu}`, `MTU for Pods ${podMtu}`].join(', ');
}

function storeText({ store }: StatusReport, now: number): string {
  if (store.connected) return `${store.kind} connected`;
  if (store.lostAt === undefined) return `${store.kind} not reached yet`;
  const age = formatSpan((now - Date.parse(store.lostAt)) / 1000);
  const why = store.why === undefined ? '' : `: ${store.why}`;
  const how = store.fromCache === true ? `from cache, ${store.kind} unreachable` : `${store.kind} not reached`;
  return `${how} since ${store.lostAt} (${age})${why}`;
}

function peersText({ peers }: StatusReport): string {
  const held = peers.held === undefined ? '' : `; ${peers.held.count} held since ${peers.held.since}`;
  return `${peers.count}${held}${peers.refusedCount === 0 ? '' : `; ${peers.refusedCount} refused`}`;
}

function firewallText({ firewall }: StatusReport): string {
  const { mode, forward, masquerade, settled } = firewall;
  const wanted = [...(forward ? ['forwarding'] : []), ...(masquerade ? ['masquerading'] : [])];
  const what = wanted.length === 0 ? 'no rules wanted' : wanted.join(' and ');
  return `${mode === undefined ? '' : `${mode}: `}${what}, ${settled ? 'in place' : 'not in place yet'}`;
}

/** With `-fast-path bpf`: which Pods it serves, and why not the others. */
function fastPathLines({ fastPath }: StatusReport): readonly Line[] {
  if (fastPath === undefined) return [];
  const { state, reason, pods, counters } = fastPath;
  const served = pods.filter(({ path }) => path === 'fast').length;
  const packets = (counters?.sentPackets ?? 0) + (counters?.receivedPackets ?? 0);
  const summary =
    state === 'on'
      ? `on for ${served} of ${count(pods.length, 'Pod', 'Pods')}, ${count(packets, 'packet', 'packets')} carried`
      : `${state === 'refused' ? 'not in use' : 'not in place yet'}${reason === undefined ? '' : `: ${reason}`}`;
  const others = state === 'on' ? pods.filter(({ path }) => path === 'ordinary') : [];
  return [
    ['Fast path', summary],
    ...others.map(({ device, addresses, reason: why = '' }): Line => {
      const name = addresses.length === 0 ? device : `${addresses.join(' ')} (${device})`;
      return ['', `${name} on the ordinary path: ${why}`];
    }),
  ];
}

function kernelText({ counters }: StatusReport): string {
  const { passes, passSeconds, operations, operationsRefused } = counters;
  const written = Object.values(operations).reduce((sum, each) => sum + each, 0);
  const meanMs = passes === 0 ? '' : ` of ${((1000 * passSeconds) / passes).toFixed(1)} ms`;
  const refused = operationsRefused === 0 ? '' : `, ${operationsRefused} refused`;
  return `${count(passes, 'pass', 'passes')}${meanMs}, ${count(written, 'operation', 'operations')} written${refused}`;
}

function agentText({ agent }: StatusReport): string {
  const { version, commit, pid, uptimeSeconds, residentBytes, cpuSeconds } = agent;
  const memory = `${(residentBytes / 1024 / 1024).toFixed(1)} MiB`;
  return `weft ${version} (${commit}), process ${pid}, up ${formatSpan(uptimeSeconds)}, ${memory}, ${cpuSeconds.toFixed(1)} s of processor time`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
