/**
 * How docker is told about the lease: what is on the disk of a host, and which files have to be there. Pure; reading is in
 * read-disk.ts, writing in apply.ts.
 *
 * Two forms. `dropin`: the agent's unit writes /run/flannel/docker, and docker's unit takes its options from there.
 * `daemon-json`: the agent's unit writes bip, mtu and ip-masq into daemon.json. In both, drop-ins put the units in order.
 */
import { LEASE_KEYS, membersNamed, restoreSettings, withLeaseSettings } from './daemon-json.ts';
import { agentDropInText, type DockerVariable, dockerDropInText, variableOfAgent } from './drop-ins.ts';
import { type LeaseFacts, leaseAsSettings } from './lease-facts.ts';
import { commandLineOf, refuseOtherBridge, refuseTwoForms } from './refuse.ts';
import { type Unit, usesVariable, withoutFile } from './unit.ts';

export const FORMS = ['dropin', 'daemon-json'] as const;
export type WireForm = (typeof FORMS)[number];
/** How much docker depends on the agent: with `requires` it stops and restarts with it, containers and all. */
export const BINDS = ['wants', 'requires'] as const;
export type WireBind = (typeof BINDS)[number];

export interface WirePlaces {
  /** Where units are looked for; in the first, drop-ins are written. */
  readonly unitDirectories: readonly string[];
  readonly daemonJson: string;
  /** Where docker's options are written in the form `dropin`, unless the agent's unit writes them already. */
  readonly optionsFile: string;
  readonly subnetFile: string;
  /** The program that the agent's unit starts. */
  readonly weft: string;
}

/** The disk of a host, as far as it matters here. */
export interface DiskFacts {
  /** With our own drop-ins, where there are any. */
  readonly docker: Unit;
  readonly agent: Unit;
  readonly daemonJson: string | undefined;
  /** daemon.json as it was before we changed it. */
  readonly backup: { readonly path: string; readonly text: string } | undefined;
  /** Texts of the files that docker's unit takes variables from, by path. */
  readonly environment: ReadonlyMap<string, string>;
  readonly lease: LeaseFacts | undefined;
}

export interface WireChoices {
  /** Undefined: what suits the files that are there. */
  readonly form: WireForm | undefined;
  readonly bind: WireBind;
  /** Becomes part of the name of the copy of daemon.json. */
  readonly now: Date;
}

export interface FileChange {
  readonly path: string;
  /** Undefined: no file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface WirePlan {
  readonly form: WireForm;
  /** Where docker reads its options, in the form `dropin`. */
  readonly options: DockerVariable;
  /** Without those that are right already. */
  readonly changes: readonly FileChange[];
}

const DEFAULT_KEY = 'DOCKER_NETWORK_OPTIONS';

export function dockerDropIn(places: WirePlaces, docker: string): string {
  return `${places.unitDirectories[0]}/${docker}.d/weft.conf`;
}

export function agentDropIn(places: WirePlaces, agent: string): string {
  return `${places.unitDirectories[0]}/${agent}.d/weft-docker.conf`;
}

/** The units without what we have put there. */
export function foreignUnits(disk: DiskFacts, places: WirePlaces): Pick<DiskFacts, 'docker' | 'agent'> {
  return {
    docker: withoutFile(disk.docker, dockerDropIn(places, disk.docker.name)),
    agent: withoutFile(disk.agent, agentDropIn(places, disk.agent.name)),
  };
}

/** The files as they have to be. Faults `docker.unit`, `docker.daemon-json`, `docker.two-forms`, `docker.bridge`. */
export function planWiring(disk: DiskFacts, places: WirePlaces, choices: WireChoices): WirePlan {
  const { docker, agent } = foreignUnits(disk, places);
  const commandLine = commandLineOf(docker);
  refuseOtherBridge(docker, disk, places.daemonJson);
  const given = variableOfAgent(agent);
  const options = given ?? { file: places.optionsFile, key: DEFAULT_KEY };
  const keys = membersNamed(disk.daemonJson, LEASE_KEYS, places.daemonJson).map(({ name }) => name);
  const form = choices.form ?? (keys.length > 0 ? 'daemon-json' : 'dropin');
  const taken = usesVariable(commandLine, options.key);
  refuseTwoForms({ form, docker, keys, disk, daemonJson: places.daemonJson, ...(taken && { taken: options.key }) });
  const dockerText = dockerDropInText({
    agent: agent.name,
    bind: choices.bind,
    docker,
    ...(form === 'dropin' && { options }),
  });
  const agentText = agentDropInText({ docker: docker.name, places, form, options, given: given !== undefined });
  const json = form === 'daemon-json';
  // In this order: whatever moment it is interrupted in, what was there first is found again.
  const files: readonly Omit<FileChange, 'before'>[] = [
    ...(json ? firstCopy(disk, places, choices.now) : []),
    { path: dockerDropIn(places, docker.name), after: dockerText },
    { path: agentDropIn(places, agent.name), after: agentText },
    ...(json ? daemonJsonOfLease(disk, places) : []),
  ];
  return { form, options, changes: changesTo(disk, places, files) };
}

/** Whether daemon.json holds something of ours: then the agent's unit keeps it up to date, or a copy of the old one is there. */
export function ownsDaemonJson(disk: DiskFacts, places: WirePlaces): boolean {
  return (
    disk.backup !== undefined ||
    (textAt(disk, places, agentDropIn(places, disk.agent.name)) ?? '').includes('--daemon-json')
  );
}

/** The files as they were before the first `planWiring`. */
export function planUnwiring(disk: DiskFacts, places: WirePlaces): readonly FileChange[] {
  const original = disk.backup?.text;
  return changesTo(disk, places, [
    { path: dockerDropIn(places, disk.docker.name), after: undefined },
    { path: agentDropIn(places, disk.agent.name), after: undefined },
    ...(ownsDaemonJson(disk, places)
      ? [{ path: places.daemonJson, after: restoreSettings(disk.daemonJson, original, places.daemonJson) }]
      : []),
    ...(disk.backup === undefined ? [] : [{ path: disk.backup.path, after: undefined }]),
  ]);
}

/** daemon.json as it was before us, if there was one. */
function firstCopy(disk: DiskFacts, places: WirePlaces, now: Date): readonly Omit<FileChange, 'before'>[] {
  if (disk.daemonJson === undefined || ownsDaemonJson(disk, places)) return [];
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return [{ path: `${places.daemonJson}.weft-backup-${stamp}`, after: disk.daemonJson }];
}

/** Without a lease yet, the agent's unit writes it when there is one. */
function daemonJsonOfLease(
  { daemonJson, lease }: DiskFacts,
  { daemonJson: path }: WirePlaces,
): readonly Omit<FileChange, 'before'>[] {
  return lease === undefined ? [] : [{ path, after: withLeaseSettings(daemonJson, leaseAsSettings(lease), path) }];
}

function changesTo(
  disk: DiskFacts,
  places: WirePlaces,
  files: readonly Omit<FileChange, 'before'>[],
): readonly FileChange[] {
  return files
    .map((file) => ({ ...file, before: textAt(disk, places, file.path) }))
    .filter(({ before, after }) => before !== after);
}

function textAt(disk: DiskFacts, places: WirePlaces, path: string): string | undefined {
  if (path === places.daemonJson) return disk.daemonJson;
  if (path === disk.backup?.path) return disk.backup.text;
  return [...disk.docker.files, ...disk.agent.files].find((file) => file.path === path)?.text;
}
