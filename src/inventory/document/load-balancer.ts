/** One address in front of the masters: nginx and keepalived on the hosts with the role `loadbalancer`. */
import { list } from '#inventory/shape/collections.ts';
import { object } from '#inventory/shape/object.ts';
import { choice, decimal, flag, integer, text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { hostPath, interfaceName, ip, localPath } from './words.ts';

const port = integer(1, 65_535);
/** VRRP carries eight characters. */
const password = text({
  expected: 'one to eight letters and digits (in quotes if they are a number)',
  pattern: /^[A-Za-z0-9]{1,8}$/,
  sample: 'weft',
  secret: true,
});

const backend = object((fields) => ({
  address: fields.required('address', 'address of the server', ip),
  port: fields.required('port', 'its TCP port', port),
}));

const proxy = object((fields) => ({
  maxFails: fields.fallback('maxFails', 'failures after which a backend rests', integer(0, 1000), 3),
  failTimeoutSeconds: fields.fallback('failTimeoutSeconds', 'how long it rests', integer(1, 3600, 'seconds'), 30),
  connectTimeoutSeconds: fields.fallback(
    'connectTimeoutSeconds',
    'how long connecting to a backend may take',
    decimal(0.1, 60, 'seconds'),
    1,
  ),
  workerProcesses: fields.fallback('workerProcesses', 'processes of nginx', integer(1, 256), 2),
  workerConnections: fields.fallback('workerConnections', 'connections of each', integer(64, 1_048_576), 65_525),
  openFiles: fields.fallback('openFiles', 'open files of the unit', integer(1024, 1_048_576), 65_536),
  program: fields.optional('program', 'nginx on the hosts; absent: where `sources.nginx` puts it', hostPath),
}));

const check = object((fields) => ({
  intervalSeconds: fields.fallback(
    'intervalSeconds',
    'how often the local proxy is tried',
    integer(1, 60, 'seconds'),
    2,
  ),
  fall: fields.fallback('fall', 'failures in a row that count', integer(1, 100), 2),
  rise: fields.fallback('rise', 'successes in a row that count', integer(1, 100), 1),
  weight: fields.fallback(
    'weight',
    'what a failure does to the priority; 0: the balancer gives the VIP up at once',
    integer(-253, 0),
    -5,
  ),
}));

export const loadBalancer = object((fields) => ({
  vip: fields.required('vip', 'the address', ip),
  interface: fields.optional('interface', 'interface that carries it; absent: that of the host', interfaceName),
  port: fields.fallback('port', 'TCP port of the proxy', port, 8443),
  backendPort: fields.fallback('backendPort', 'TCP port of the masters', port, 6443),
  backends: fields.optional(
    'backends',
    'servers behind it; absent: every host with the role master',
    list(backend, { least: 1, most: 256 }),
  ),
  routerId: fields.fallback('routerId', 'VRRP router id, one per segment', integer(1, 255), 51),
  advertIntervalSeconds: fields.fallback(
    'advertIntervalSeconds',
    'how often the holder says so',
    decimal(0.01, 40, 'seconds'),
    1,
  ),
  preempt: fields.fallback('preempt', 'the VIP moves back when a better one returns', flag, true),
  peers: fields.fallback('peers', 'how balancers talk', choice(['unicast', 'multicast']), 'unicast'),
  auth: fields.optional('auth', 'VRRP password in clear: prefer authFile', password),
  authFile: fields.optional('authFile', 'file with the VRRP password', localPath),
  check: fields.fallback('check', 'health check of the local proxy', check, {}),
  proxy: fields.fallback('proxy', 'nginx', proxy, {}),
}));

export type LoadBalancerSection = ValueOf<typeof loadBalancer>;
