/**
 * Puts a CNI plugin of ours and its network list in place, or only looks: which files are to be there, what a runtime will
 * really take, whether the bridge fits the subnet, and whether a container gets its network. What was found and done is a
 * value; nothing is printed here.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadSubnetEnv, type SubnetEnv } from '#cni/flannel/subnet-env.ts';
import { CniError } from '#cni/protocol/error.ts';
import { Fault } from '#runtime/fault.ts';
import type { Finding } from './finding.ts';
import { choiceFindings, companionFindings, fileFindings, subnetFinding } from './install-findings.ts';
import type { Companion, InstallReport, InstallRequest, Machine, PlacedFile } from './install-request.ts';
import { listVersion, type NetworkList, networkListText, sameNetworkList } from './network-list.ts';
import { type FileState, fileState, placeFile, type WantedFile } from './placed-file.ts';
import { chooseNetwork, readNetworkFolder } from './runtime-choice.ts';
import { settleBridges } from './settle-bridges.ts';
import { isFailure } from './trial.ts';

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
  const found: Finding[] = [...fileFindings(files), ...companionFindings(companions, request)];
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

function readSubnet(path: string): SubnetEnv | string {
  try {
    return loadSubnetEnv(path);
  } catch (error) {
    if (error instanceof CniError) return error.message;
    throw error;
  }
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
