/** The inventory as it is written: the one definition that parser, JSON Schema and reference page come from. */
import { list } from '#inventory/shape/collections.ts';
import { object } from '#inventory/shape/object.ts';
import { flag, integer, text } from '#inventory/shape/scalars.ts';
import type { JsonSchema } from '#inventory/shape/schema.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { certificates } from './certificates.ts';
import { etcd } from './etcd.ts';
import { host } from './hosts.ts';
import { kubernetes } from './kubernetes.ts';
import { loadBalancer } from './load-balancer.ts';
import { network } from './network.ts';
import { paths } from './paths.ts';
import { sources } from './sources.ts';
import { fleetSsh } from './ssh.ts';
import { system } from './system.ts';
import { plainName } from './words.ts';

/** Ten times what the fabric is measured with. */
const MOST_HOSTS = 5000;

const agentFlag = text({
  expected: 'a flag of the agent such as -withdraw-grace=5',
  pattern: /^--?[a-z][a-z0-9-]*(?:=[A-Za-z0-9_.,:/@-]*)?$/,
  sample: '-v=2',
  longest: 512,
});
const variableName = text({
  expected: 'the name of a variable such as DOCKER_NETWORK_OPTIONS',
  pattern: /^[A-Z_][A-Z0-9_]*$/,
  sample: 'DOCKER_NETWORK_OPTIONS',
  longest: 64,
});

const agent = object((fields) => ({
  flags: fields.fallback(
    'flags',
    'flags of the agent, beside those that follow from this file',
    list(agentFlag, { most: 64 }),
    [],
  ),
}));
const docker = object((fields) => ({
  variable: fields.fallback('variable', "variable that holds docker's options", variableName, 'DOCKER_NETWORK_OPTIONS'),
}));
const cni = object((fields) => ({
  network: fields.fallback('network', 'name of the network list', plainName, 'cbr0'),
}));

export const inventoryShape = object((fields) => ({
  version: fields.required('version', 'version of this format', integer(1, 1)),
  name: fields.fallback('name', 'name of the fleet', plainName, 'weft'),
  ssh: fields.fallback('ssh', 'how hosts are reached', fleetSsh, {}),
  hosts: fields.required('hosts', 'the hosts', list(host, { least: 1, most: MOST_HOSTS })),
  network: fields.required('network', 'the Pod network', network),
  etcd: fields.fallback('etcd', 'the etcd cluster', etcd, {}),
  agent: fields.fallback('agent', 'the agent', agent, {}),
  docker: fields.fallback('docker', 'docker on hosts with that role', docker, {}),
  cni: fields.fallback('cni', 'CNI on hosts with that role', cni, {}),
  kubernetes: fields.fallback('kubernetes', 'what will stand on the fabric', kubernetes, {}),
  loadBalancer: fields.optional('loadBalancer', 'one address in front of the masters', loadBalancer),
  certificates: fields.fallback('certificates', 'the CA and what it signs', certificates, {}),
  sources: fields.fallback('sources', 'where programs come from; weft itself comes with this command', sources, {}),
  paths: fields.fallback('paths', 'where things are on the hosts', paths, {}),
  system: fields.fallback('system', 'how hosts are prepared', system, {}),
  drills: fields.fallback('drills', 'weft drill may break this fleet on purpose', flag, false),
}));

/** What is written, with defaults, before anything is resolved per host. */
export type InventoryDocument = ValueOf<typeof inventoryShape>;

/** For editors. It knows what one value may be; what values mean together (duplicates, overlaps) only `parseInventory` sees. */
export const inventorySchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'weft inventory',
  ...inventoryShape.schema,
};
