/** How a host is reached. What is absent is left to the operator's own OpenSSH configuration. */
import { object } from '#inventory/shape/object.ts';
import { integer, text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { localPath, userName } from './words.ts';

const sshName = text({
  expected: 'a host as OpenSSH names it',
  pattern: /^[A-Za-z0-9_.:%[\]][A-Za-z0-9_.:%[\]-]*$/,
  sample: 'bastion',
  longest: 255,
});

const jumpHosts = text({
  expected: 'jump hosts as ssh -J takes them: [user@]host[:port], joined by commas',
  pattern: /^[A-Za-z0-9_.][A-Za-z0-9_.@:[\],-]*$/,
  sample: 'admin@bastion:22',
  longest: 1024,
});

/** For every host. */
export const fleetSsh = object((fields) => ({
  user: fields.fallback('user', 'user to log in as; what the phases do needs root', userName, 'root'),
  port: fields.optional('port', 'TCP port; absent: what the OpenSSH configuration says', integer(1, 65_535)),
  jump: fields.optional('jump', 'jump hosts, as for `ssh -J`; absent: what the OpenSSH configuration says', jumpHosts),
  config: fields.optional('config', "OpenSSH configuration file; absent: the operator's own", localPath),
  identityFile: fields.optional('identityFile', 'private key; absent: agent and OpenSSH configuration', localPath),
  connectTimeoutSeconds: fields.fallback(
    'connectTimeoutSeconds',
    'how long a connection may take',
    integer(1, 300, 'seconds'),
    10,
  ),
}));

/** For one host, before what is said for all. */
export const hostSsh = object((fields) => ({
  name: fields.optional('name', 'name of the host in the OpenSSH configuration; absent: the address', sshName),
  user: fields.optional('user', 'user to log in as', userName),
  port: fields.optional('port', 'TCP port', integer(1, 65_535)),
  jump: fields.optional('jump', 'jump hosts, as for `ssh -J`', jumpHosts),
  identityFile: fields.optional('identityFile', 'private key', localPath),
}));

export type FleetSsh = ValueOf<typeof fleetSsh>;
export type HostSsh = ValueOf<typeof hostSsh>;
