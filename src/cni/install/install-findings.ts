/** What is wrong with files, plugins and network lists, in words. Pure. */
import { basename, join } from 'node:path';
import type { Finding } from './finding.ts';
import type { Companion, InstallRequest, PlacedFile } from './install-request.ts';
import type { RuntimeChoice } from './runtime-choice.ts';

/** Files that are not as they are to be. */
export function fileFindings(files: readonly PlacedFile[]): readonly Finding[] {
  return files.flatMap(({ path, state }): readonly Finding[] => {
    if (state === 'in place' || state === 'placed') return [];
    const causes = {
      absent: 'it is not there',
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

/** Plugins of the distribution that it does not have. */
export function companionFindings(
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

/** A network that runtimes take in place of ours, and files that they cannot read. */
export function choiceFindings(
  { chosen, skipped }: RuntimeChoice,
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

/** No subnet file, or one that is no use. */
export function subnetFinding(why: string, { subnetFile, check }: InstallRequest): Finding {
  return {
    what: 'there is no subnet for containers yet',
    where: subnetFile,
    cause: why,
    remedy: 'start the agent and read its log: journalctl -u weftd (or -u flanneld)',
    // Who installs before the agent has ever run has done nothing wrong.
    severity: check ? 'problem' : 'notice',
  };
}
