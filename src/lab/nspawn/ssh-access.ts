/**
 * How the machines are reached: the configuration for OpenSSH, with which `ssh -F FILE m1` works for everybody who is root
 * here, and for `weft up`. Packets go through the switch's namespace, so this computer's own network has no part in it. Pure.
 */
import type { Machine, MachinePlan } from './machine-set.ts';

export interface SshFiles {
  readonly directory: string;
  readonly config: string;
  readonly key: string;
  readonly knownHosts: string;
}

export function sshFiles(plan: Pick<MachinePlan, 'directory'>): SshFiles {
  const directory = `${plan.directory}/ssh`;
  return { directory, config: `${directory}/config`, key: `${directory}/key`, knownHosts: `${directory}/known_hosts` };
}

/** The text of the ssh_config(5) file. */
export function sshConfig(plan: MachinePlan): string {
  const { directory, key, knownHosts } = sshFiles(plan);
  const names = plan.machines.map(({ name }) => name);
  const addresses = plan.machines.map(({ address }) => address);
  const hosts = plan.machines.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n`);
  const options = [
    'User root',
    `IdentityFile ${key}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${knownHosts}`,
    'GlobalKnownHostsFile /dev/null',
    'StrictHostKeyChecking yes',
    `ProxyCommand nsenter --net=/run/netns/${plan.switchNamespace} -- nc %h %p`,
    'ControlMaster auto',
    `ControlPath ${directory}/%h`,
    'ControlPersist 60',
    'ServerAliveInterval 5',
    'ConnectTimeout 10',
    'BatchMode yes',
    'LogLevel ERROR',
  ];
  return `# The machines of the set ${plan.name}, made by weft lab machines. Try: ssh -F ${directory}/config m1
${hosts.join('')}Host ${[...names, ...addresses].join(' ')}
${options.map((line) => `  ${line}\n`).join('')}`;
}

/** A line of known_hosts: the machine proves itself from the first connection on. */
export function knownHost(machine: Machine, publicKey: string): string {
  const [type = '', key = ''] = publicKey.trim().split(' ');
  return `${machine.name},${machine.address} ${type} ${key}\n`;
}

/** ssh with the set's configuration; sshd hands the words to a shell, so each of them is quoted. No words open a shell. */
export function sshArgv(plan: MachinePlan, machine: Machine, words: readonly string[]): readonly string[] {
  return ['ssh', '-F', sshFiles(plan).config, ...sshTarget(machine, words)];
}

function sshTarget(machine: Machine, words: readonly string[]): readonly string[] {
  return words.length === 0 ? [machine.name] : [machine.name, '--', words.map(quoteWord).join(' ')];
}

/** Inside single quotes a POSIX shell leaves every character alone. */
function quoteWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
