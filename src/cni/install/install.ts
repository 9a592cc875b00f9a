/**
 * Puts a CNI plugin of ours and its network list in place, or only looks: which files are to be there, what a runtime will
 * really take, whether the bridge fits the subnet, and whether a container gets its network. What was found and done is a
 * value; nothing is printed here.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadSubnetEnv, type SubnetEnv } from '#cni/flannel/subnet-env.ts';
import type { JsonObject } from '#cni/protocol/configuration.ts';
import { CniError } from '#cni/protocol/error.ts';
import { Fault } from '#runtime/fault.ts';
import type { Finding } from './finding.ts';
import { listVersion, type NetworkList, networkListText, sameNetworkList } from './network-list.ts';
import { type FileState, fileState, placeFile, type WantedFile } from './placed-file.ts';
import type { PluginKind } from './plugin-kind.ts';
import { chooseNetwork, readNetworkFolder } from './runtime-choice.ts';
import { type Bridge, dockerMisfit, misfit } from './stale-bridge.ts';
import { isFailure, type TrialFailure, type TrialRequest } from './trial.ts';

export interface InstallRequest {
  readonly kind: PluginKind;
  readonly binDir: string;
  readonly confDir: string;
  /** Of the network; undefined for the plugin's usual one. */
  readonly name: string | undefined;
  readonly subnetFile: string;
  /** The program that links lead to: bin/weft. */
  readonly program: string;
  /** Folders where distributions put their plugins. */
  readonly companionFolders: readonly string[];
  /** Looks only; nothing is changed. */
  readonly check: boolean;
  readonly force: boolean;
  /** Behind the name of a copy: `20261120T175156Z`. */
  readonly stamp: string;
}

/** What is asked of the machine, so that tests can answer. */
export interface Machine {
  /** The versions that the plugin in this file speaks; none when it does not say. */
  readonly versionsOf: (file: string) => Promise<readonly string[] | undefined>;
  readonly lookAtBridge: (name: string) => Promise<Bridge | undefined>;
  readonly deleteBridge: (name: string) => Promise<void>;
  readonly dockerRuns: () => boolean;
  readonly tryNetwork: (request: TrialRequest) => Promise<JsonObject | TrialFailure>;
}

export interface InstallReport {
  readonly files: readonly PlacedFile[];
  /** File and name of the network that a runtime takes. */
  readonly runtime: { readonly file: string; readonly name: string } | undefined;
  readonly findings: readonly Finding[];
  /** Things other than files that were changed, as sentences. */
  readonly repairs: readonly string[];
}

export interface PlacedFile {
  readonly path: string;
  readonly state: FileState | 'placed' | 'missing';
  /** Where a foreign file is kept now. */
  readonly backup?: string;
  readonly detail: string;
}

/** Throws Fault `cni.foreign` before anything is changed when a file is somebody else's and `force` is not given. */
export async function installCni(request: InstallRequest, machine: Machine): Promise<InstallReport> {
  const { kind, confDir, subnetFile } = request;
  const companions = [...kind.companions, ...kind.optionalCompanions].map((plugin) => companionOf(plugin, request));
  const speaking = companions.filter(({ plugin }) => kind.companions.includes(plugin));
  const versions = await Promise.all(
    speaking.map(({ file }) => (file === undefined ? undefined : machine.versionsOf(file))),
  );
  const wanted = wantedFiles(
    request,
    companions,
    versions.filter((each) => each !== undefined),
  );
  const states = wanted.map((file) => ({ file, state: fileState(file) }));
  const foreign = states.filter(({ state }) => state === 'foreign');
  if (!request.check && !request.force && foreign.length > 0) throw foreignFault(foreign.map(({ file }) => file.path));

  const files = states.map(({ file, state }) => settle(file, state, request));
  const found: Finding[] = [...fileFindings(files), ...missingCompanions(companions, request)];
  const choice = chooseNetwork(readNetworkFolder(confDir));
  found.push(...choiceFindings(choice, request));
  const subnet = readSubnet(subnetFile);
  if (typeof subnet === 'string') found.push(subnetFinding(subnet, request));
  const repairs = typeof subnet === 'string' ? [] : await settleBridges(subnet, request, machine, found);
  const own = choice.chosen?.file === kind.listFile ? choice.chosen.network : undefined;
  if (own !== undefined) {
    const outcome = await tryOut(own, typeof subnet === 'string' ? undefined : subnetFile, request, machine);
    if (outcome !== undefined) found.push(outcome);
  }
  const { chosen } = choice;
  return {
    files,
    runtime: chosen === undefined ? undefined : { file: join(confDir, chosen.file), name: chosen.network.name },
    findings: found,
    repairs,
  };
}

interface Companion {
  readonly plugin: string;
  /** Where it is: in the folder itself, or where the distribution has it. */
  readonly file: string | undefined;
}

function companionOf(plugin: string, { binDir, companionFolders }: InstallRequest): Companion {
  const file = [binDir, ...companionFolders].map((folder) => join(folder, plugin)).find((path) => existsSync(path));
  return { plugin, file };
}

function wantedFiles(
  { kind, binDir, confDir, name, program }: InstallRequest,
  companions: readonly Companion[],
  versions: readonly (readonly string[])[],
): readonly WantedFile[] {
  const links = companions.flatMap(({ plugin, file }): readonly WantedFile[] => {
    const path = join(binDir, plugin);
    // One that is there is left alone, whoever put it there.
    return file === undefined || file === path ? [] : [{ type: 'link', path, target: file }];
  });
  const text = networkListText(kind, name ?? kind.networkName, listVersion(versions));
  const same = (there: string): boolean => sameNetworkList(there, text, versions);
  return [
    { type: 'link', path: join(binDir, kind.plugin), target: program },
    ...links,
    // Last: a runtime that sees the list must find the plugins.
    { type: 'text', path: join(confDir, kind.listFile), text, same },
  ];
}

function settle(file: WantedFile, state: FileState, { check, stamp }: InstallRequest): PlacedFile {
  const detail = file.type === 'link' ? `-> ${file.target}` : 'network list';
  if (state === 'in place' || check) return { path: file.path, state, detail };
  const backup = placeFile(file, state, stamp);
  return { path: file.path, state: 'placed', detail, ...(backup !== undefined && { backup }) };
}

function foreignFault(paths: readonly string[]): Fault {
  const what = paths.length === 1 ? 'a file is not ours' : `${paths.length} files are not ours`;
  return new Fault('cni.foreign', { what: `${what}, so nothing was changed`, where: paths.join(', ') });
}

function fileFindings(files: readonly PlacedFile[]): readonly Finding[] {
  return files.flatMap(({ path, state }): readonly Finding[] => {
    if (state === 'in place' || state === 'placed') return [];
    const causes = {
      absent: 'it is not there',
      missing: 'it is not there',
      ours: 'it leads to another weft, or nowhere',
      foreign: 'somebody else put it there',
    };
    const remedy =
      state === 'foreign' ? 'look at it, then: weft cni install --force (keeps a copy)' : 'weft cni install';
    return [
      { what: `${basename(path)} is not in place`, where: path, cause: causes[state], remedy, severity: 'problem' },
    ];
  });
}

function missingCompanions(
  companions: readonly Companion[],
  { kind, binDir, companionFolders }: InstallRequest,
): readonly Finding[] {
  return companions
    .filter(({ plugin, file }) => file === undefined && kind.companions.includes(plugin))
    .map(({ plugin }) => ({
      what: `the plugin ${plugin} is missing`,
      where: binDir,
      cause: `it is neither there nor in ${companionFolders.join(', ')}`,
      remedy: 'apt-get install containernetworking-plugins, then weft cni install',
      severity: 'problem',
    }));
}

function choiceFindings(
  { chosen, skipped }: ReturnType<typeof chooseNetwork>,
  { kind, confDir }: InstallRequest,
): readonly Finding[] {
  const unreadable = skipped.map(
    ({ file, why }): Finding => ({
      what: `runtimes pass over ${file}`,
      where: join(confDir, file),
      cause: why,
      remedy: 'correct it, or move it away',
      severity: file === kind.listFile ? 'problem' : 'notice',
    }),
  );
  if (chosen === undefined || chosen.file === kind.listFile) return unreadable;
  const where = join(confDir, chosen.file);
  const other: Finding = {
    what: `runtimes take the network ${chosen.network.name} of ${chosen.file}`,
    where,
    cause:
      chosen.file < kind.listFile
        ? `its name sorts before ${kind.listFile}`
        : `${kind.listFile} is not there or not readable`,
    remedy: `if the fabric is to be the network: mv ${where} ${where}.off, then restart the runtime`,
    severity: 'problem',
  };
  return [...unreadable, other];
}

function readSubnet(path: string): SubnetEnv | string {
  try {
    return loadSubnetEnv(path);
  } catch (error) {
    if (error instanceof CniError) return error.message;
    throw error;
  }
}

function subnetFinding(why: string, { subnetFile, check }: InstallRequest): Finding {
  return {
    what: 'there is no subnet for containers yet',
    where: subnetFile,
    cause: why,
    remedy: 'start the agent and read its log: journalctl -u weftd (or -u flanneld)',
    // Who installs before the agent has ever run has done nothing wrong.
    severity: check ? 'problem' : 'notice',
  };
}

/** Bridges with a former address: deleted when nothing is attached, named when something is. */
async function settleBridges(
  env: SubnetEnv,
  request: InstallRequest,
  machine: Machine,
  found: Finding[],
): Promise<readonly string[]> {
  const repairs: string[] = [];
  const judges = [
    {
      name: request.kind.bridge,
      judge: misfit,
      held: false,
      restart: 'delete those containers, then weft cni install',
    },
    {
      name: 'docker0',
      judge: dockerMisfit,
      held: machine.dockerRuns(),
      restart: 'stop docker, then weft cni install, then start docker',
    },
  ];
  for (const { name, judge, held, restart } of judges) {
    const bridge = name === undefined ? undefined : await machine.lookAtBridge(name);
    const why = bridge === undefined ? undefined : judge(bridge, env);
    if (bridge === undefined || why === undefined) continue;
    const attached = bridge.ports.length > 0;
    if (!attached && !held && !request.check) {
      await machine.deleteBridge(bridge.name);
      repairs.push(
        `deleted ${bridge.name}, to which nothing was attached, since ${why}; it is made anew when it is needed`,
      );
      continue;
    }
    const ports = attached ? `; attached: ${bridge.ports.join(', ')}` : '';
    found.push({
      what: `${bridge.name} has not the address of the subnet`,
      where: bridge.name,
      cause: `${why}${ports}`,
      remedy: attached || held ? restart : 'weft cni install (nothing is attached)',
      severity: 'problem',
    });
  }
  return repairs;
}

async function tryOut(
  network: NetworkList,
  subnetFile: string | undefined,
  request: InstallRequest,
  machine: Machine,
): Promise<Finding | undefined> {
  const { kind, binDir } = request;
  const outcome = await machine.tryNetwork({ kind, network, binDir, subnetFile });
  if (!isFailure(outcome)) return undefined;
  return {
    what: `a container would not get its network: ${outcome.command} of ${outcome.plugin} failed in a trial`,
    where: join(binDir, outcome.plugin),
    cause: outcome.why,
    remedy: 'put right what the plugin says, then weft cni check',
    severity: 'problem',
  };
}
