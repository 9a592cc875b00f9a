/** What docker would not start with, or what leaves it no bridge of its own: said before anything is written. Pure. */
import { Fault } from '#runtime/fault.ts';
import { membersNamed } from './daemon-json.ts';
import { expandedWords, type Unit, unitValues } from './unit.ts';
import type { DiskFacts, WireForm } from './wiring.ts';

const LEASE_FLAG = /^--?(?:bip|mtu|ip-masq)(?:=|$)/;
const BRIDGE_FLAG = /^(?:--bridge(?:=|$)|-b(?!ip))/;

/** The one command line that a unit is started with. Fault `docker.unit`. */
export function commandLineOf(unit: Unit): string {
  const [commandLine, ...more] = unitValues(unit, 'ExecStart');
  if (commandLine !== undefined && more.length === 0) return commandLine;
  const count = commandLine === undefined ? 'no' : `${more.length + 1}`;
  throw new Fault('docker.unit', {
    what: `${unit.name} has ${count} ExecStart= where one is needed`,
    where: unit.files.map(({ path }) => path).join(', '),
  });
}

export interface TwoForms {
  readonly form: WireForm;
  /** The unit without our drop-in. */
  readonly docker: Unit;
  /** Members of daemon.json that are about the lease. */
  readonly keys: readonly string[];
  readonly disk: DiskFacts;
  readonly daemonJson: string;
  /** The variable that its command line takes over already. */
  readonly taken?: string;
}

/** Fault `docker.two-forms`: docker does not start with one setting in its file and on its command line. */
export function refuseTwoForms({ form, docker, keys, disk, daemonJson, taken }: TwoForms): void {
  const refuse = (what: string, where: string): Fault =>
    new Fault('docker.two-forms', {
      what: `${what}, so docker cannot be wired in the form ${form} as well`,
      where,
      remedy: `remove it there, or use --form ${form === 'dropin' ? 'daemon-json' : 'dropin'}`,
    });
  if (form === 'dropin' && keys.length > 0) throw refuse(`daemon.json has ${keys.join(', ')}`, daemonJson);
  const words = expandedWords(docker, commandLineOf(docker), disk.environment);
  const flags = words.filter((word) => LEASE_FLAG.test(word));
  const where = docker.files.map(({ path }) => path).join(', ');
  if (form === 'daemon-json' && taken !== undefined) throw refuse(`docker's command line has $${taken}`, where);
  // Those that come from the variable itself are the lease's.
  if (flags.length > 0 && taken === undefined) {
    throw new Fault('docker.two-forms', { what: `docker's command line has ${flags.join(' ')} already`, where });
  }
}

/** Fault `docker.bridge` for a docker that has another bridge, or may not set up its own. */
export function refuseOtherBridge(docker: Unit, disk: DiskFacts, daemonJson: string): void {
  const [member] = membersNamed(disk.daemonJson, ['bridge'], daemonJson);
  if (member !== undefined && member.value !== '' && member.value !== 'docker0') {
    throw new Fault('docker.bridge', {
      what: `docker has the bridge ${JSON.stringify(member.value)} and so none that could take over the lease`,
      where: `"bridge" in ${daemonJson}`,
    });
  }
  const words = expandedWords(docker, commandLineOf(docker), disk.environment);
  const at = words.findIndex((word) => BRIDGE_FLAG.test(word));
  const where = docker.files.map(({ path }) => path).join(', ');
  if (at >= 0)
    throw new Fault('docker.bridge', { what: `docker is started with ${words.slice(at, at + 2).join(' ')}`, where });
  const capabilities = unitValues(docker, 'CapabilityBoundingSet');
  const last = capabilities.at(-1) ?? '';
  const lacks = last.startsWith('~')
    ? /\bCAP_NET_ADMIN\b/i.test(last)
    : !/\bCAP_NET_ADMIN\b/i.test(capabilities.join(' '));
  if (capabilities.length > 0 && lacks) {
    throw new Fault('docker.bridge', {
      what: `${docker.name} gives docker no CAP_NET_ADMIN, so it cannot set up a bridge`,
      where,
    });
  }
}
