/** The texts of the drop-ins, and what units say already. Pure. */
import { commandLineOf } from './refuse.ts';
import { environmentFiles, type Unit, unitValues, usesVariable } from './unit.ts';
import type { WireBind, WireForm, WirePlaces } from './wiring.ts';

/** A variable in a file. */
export interface DockerVariable {
  readonly file: string;
  readonly key: string;
}

const HEADING = '# Written by "weft docker wire", removed by "weft docker unwire". The unit itself is as it was.\n';

export interface DockerDropIn {
  readonly agent: string;
  readonly bind: WireBind;
  /** The unit without our drop-in. */
  readonly docker: Unit;
  /** What its command line is to take over; undefined for nothing. */
  readonly options?: DockerVariable;
}

/** Docker starts after the agent, and with the options that it left. */
export function dockerDropInText({ agent, bind, docker, options }: DockerDropIn): string {
  const order = `[Unit]\nAfter=${agent}\n${bind === 'requires' ? 'Requires' : 'Wants'}=${agent}\n`;
  if (options === undefined) return HEADING + order;
  const commandLine = commandLineOf(docker);
  const lines = [
    ...(environmentFiles(docker).includes(options.file) ? [] : [`EnvironmentFile=-${options.file}`]),
    ...(usesVariable(commandLine, options.key) ? [] : ['ExecStart=', `ExecStart=${commandLine} $${options.key}`]),
  ];
  const service = lines.length === 0 ? '' : `\n[Service]\n${lines.join('\n')}\n`;
  return HEADING + order + service;
}

export interface AgentDropIn {
  readonly docker: string;
  readonly places: WirePlaces;
  readonly form: WireForm;
  readonly options: DockerVariable;
  /** Whether the agent's unit writes docker's options by itself. */
  readonly given: boolean;
}

/**
 * The agent hands its lease on when it is ready; undefined when its unit does so by itself. The dash: a host whose docker
 * cannot be told is no reason to end the network of the host.
 */
export function agentDropInText({ docker, places, form, options, given }: AgentDropIn): string | undefined {
  if (form === 'dropin' && given) return undefined;
  const target = form === 'dropin' ? `-k ${options.key} -d ${options.file}` : `--daemon-json ${places.daemonJson}`;
  const exec = `ExecStartPost=-${places.weft} docker-opts -f ${places.subnetFile} ${target}`;
  return `${HEADING}[Unit]\nBefore=${docker}\n\n[Service]\n${exec}\n`;
}

/** The variable that the agent's unit has written for docker, as the guides' units do. */
export function variableOfAgent(agent: Unit): DockerVariable | undefined {
  const line = unitValues(agent, 'ExecStartPost').find((value) => {
    return /(?:mk-docker-opts(?:\.sh)?|\bdocker-opts)(?:\s|$)/.test(value) && !value.includes('--daemon-json');
  });
  if (line === undefined) return undefined;
  const value = (short: string, long: string): string | undefined =>
    new RegExp(`\\s(?:-${short}\\s*|--${long}[ =])(\\S+)`).exec(line)?.[1];
  return { file: value('d', 'docker-file') ?? '/run/docker_opts.env', key: value('k', 'key') ?? 'DOCKER_OPTS' };
}
