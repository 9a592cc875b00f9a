/** The flags that `weft docker wire`, `unwire` and `status` share: where the files of this host are. */
import type { Command } from 'commander';
import { DEFAULT_REQUEST } from '#docker/make-docker-options.ts';
import { Fault } from '#runtime/fault.ts';
import { AGENT_UNITS, type UnitNames } from './read-disk.ts';
import { UNIT_DIRECTORIES } from './read-unit.ts';
import type { WirePlaces } from './wiring.ts';

export interface PlaceFlags {
  readonly dockerUnit: string;
  readonly agentUnit?: string;
  readonly daemonJson: string;
  readonly optionsFile: string;
  readonly subnetFile: string;
  readonly unitDirectories: string;
  readonly weft: string;
}

export function addPlaceOptions(command: Command): Command {
  return command
    .option('--docker-unit <name>', "docker's unit", 'docker.service')
    .option('--agent-unit <name>', `the agent's unit (default: the first of ${AGENT_UNITS.join(', ')})`)
    .option('--daemon-json <file>', "docker's configuration", '/etc/docker/daemon.json')
    .option('--options-file <file>', "file of docker's options", '/run/flannel/docker')
    .option('--subnet-file <file>', 'subnet file of the agent', DEFAULT_REQUEST.subnetFile)
    .option('--unit-directories <list>', 'where units are; drop-ins go into the first', UNIT_DIRECTORIES.join(':'))
    .option('--weft <program>', "program that the agent's unit starts", '/usr/local/bin/weft');
}

/** Fault `usage.flag` for what could not stand in a unit. */
export function placesOf(flags: PlaceFlags): WirePlaces {
  const unitDirectories = flags.unitDirectories.split(':').filter((directory) => directory !== '');
  const { daemonJson, optionsFile, subnetFile, weft } = flags;
  for (const path of [...unitDirectories, daemonJson, optionsFile, subnetFile, weft]) {
    if (/^\/[\w./@+,=:-]+$/.test(path)) continue;
    throw new Fault('usage.flag', {
      what: `${JSON.stringify(path)} is not an absolute path of letters, digits and ./@+,=:-_`,
    });
  }
  if (unitDirectories.length === 0) throw new Fault('usage.flag', { what: '--unit-directories names no directory' });
  return { unitDirectories, daemonJson, optionsFile, subnetFile, weft };
}

export function unitNamesOf({ dockerUnit, agentUnit }: PlaceFlags): UnitNames {
  for (const name of [dockerUnit, agentUnit]) {
    if (name === undefined || /^[\w.@:-]+\.service$/.test(name)) continue;
    throw new Fault('usage.flag', {
      what: `${JSON.stringify(name)} is not the name of a service, like docker.service`,
    });
  }
  return { docker: dockerUnit, agent: agentUnit };
}
