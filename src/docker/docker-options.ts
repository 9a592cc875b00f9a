/**
 * What flannel's mk-docker-opts.sh makes of the subnet file: the options by which docker takes over the host's subnet, as a
 * file of variables (spec §4.2). Pure. Unlike the script it keeps blanks inside values, takes only variables whose name
 * begins with DOCKER_OPT_, and escapes what systemd and shells would otherwise read differently (defect D-34).
 */
import { Fault } from '#runtime/fault.ts';
import { parseEnvironmentFile } from './environment-file.ts';

export interface DockerOptionsForm {
  /** A variable for each option; with `combined` false too, both are written. */
  readonly individual: boolean;
  /** One variable that holds all options. */
  readonly combined: boolean;
  /** Name of that variable. */
  readonly key: string;
  /** Whether docker is told who masquerades. */
  readonly masquerade: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const OPTION = /^DOCKER_OPT_\w*$/;

/**
 * The text of docker's file. `subnetFile` is the text of the subnet file, empty when there is none; its variables win over
 * those of the environment. Throws Fault `docker.masquerade`, `docker.subnet-file` or `usage.flag`.
 */
export function dockerOptions(subnetFile: string, environment: Environment, form: DockerOptionsForm): string {
  if (!/^[A-Za-z_]\w*$/.test(form.key)) {
    throw new Fault('usage.flag', { what: `-k ${JSON.stringify(form.key)} is not a name that a variable can have` });
  }
  const variables = subnetVariables(subnetFile, environment);
  for (const [name, value] of derivedOptions(variables, form.masquerade)) variables.set(name, value);
  const options = [...variables]
    .filter(([name]) => OPTION.test(name) && name !== form.key)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const both = form.individual === form.combined;
  const lines = both || form.individual ? options.map(([name, value]) => assignment(name, value)) : [];
  if (both || form.combined) {
    const already = variables.get(form.key) ?? '';
    const words = options.map(([, value]) => ` ${value}`).join('');
    lines.push(assignment(form.key, `${already === '' ? '' : `${already} `}${words}`));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** The environment with the variables of the subnet file laid over it. */
export function subnetVariables(subnetFile: string, environment: Environment): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) variables.set(name, value);
  for (const [name, value] of parseEnvironmentFile(subnetFile)) variables.set(name, value);
  return variables;
}

function derivedOptions(variables: ReadonlyMap<string, string>, masquerade: boolean): [name: string, value: string][] {
  const options: [string, string][] = [];
  const subnet = variables.get('FLANNEL_SUBNET') ?? '';
  const mtu = variables.get('FLANNEL_MTU') ?? '';
  const fabricMasquerades = variables.get('FLANNEL_IPMASQ') ?? '';
  if (subnet !== '') options.push(['DOCKER_OPT_BIP', `--bip=${subnet}`]);
  if (mtu !== '') options.push(['DOCKER_OPT_MTU', `--mtu=${mtu}`]);
  if (masquerade && fabricMasquerades !== '') {
    // One of the two masquerades, never both.
    options.push(['DOCKER_OPT_IPMASQ', `--ip-masq=${!readBoolean(fabricMasquerades)}`]);
  }
  return options;
}

function readBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') {
    throw new Fault('docker.masquerade', { what: `Invalid value of FLANNEL_IPMASQ: ${text}` });
  }
  return text === 'true';
}

/** As systemd's EnvironmentFile and shells read it; only what needs an escape gets one. */
function assignment(name: string, value: string): string {
  return `${name}="${value.replaceAll(/["\\$`]/g, '\\$&')}"`;
}
