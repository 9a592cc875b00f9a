/** The etcd cluster on the hosts with the role `etcd`. */
import { object } from '#inventory/shape/object.ts';
import { choice, flag, integer, text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { plainName } from './words.ts';

const port = integer(1, 65_535);
const retention = text({
  expected: 'text such as "1" (hours, or revisions) or 30m',
  pattern: /^\d{1,9}(?:s|m|h)?$/,
  sample: '1',
});

export const etcd = object((fields) => ({
  clientPort: fields.fallback('clientPort', 'TCP port for clients', port, 2379),
  peerPort: fields.fallback('peerPort', 'TCP port between members', port, 2380),
  token: fields.fallback('token', 'word that keeps clusters apart while they form', plainName, 'etcd-cluster-0'),
  plainLoopback: fields.fallback(
    'plainLoopback',
    'also listen on http://127.0.0.1, as in the guides; whoever is on the host then needs no certificate',
    flag,
    false,
  ),
  autoCompactionMode: fields.fallback(
    'autoCompactionMode',
    'what autoCompactionRetention counts: time or revisions',
    choice(['periodic', 'revision']),
    'periodic',
  ),
  autoCompactionRetention: fields.fallback('autoCompactionRetention', 'history that is kept', retention, '1'),
  maxRequestBytes: fields.fallback(
    'maxRequestBytes',
    'largest request, in bytes',
    integer(1024, 1_073_741_824, 'bytes'),
    33_554_432,
  ),
  quotaBackendBytes: fields.fallback(
    'quotaBackendBytes',
    'largest database, in bytes',
    integer(16_777_216, 17_179_869_184, 'bytes'),
    6_442_450_944,
  ),
  heartbeatIntervalMs: fields.fallback('heartbeatIntervalMs', 'leader to followers', integer(10, 10_000, 'ms'), 250),
  electionTimeoutMs: fields.fallback(
    'electionTimeoutMs',
    'silence after which a new leader is elected; at least five heartbeats',
    integer(50, 50_000, 'ms'),
    2000,
  ),
}));

export type EtcdSection = ValueOf<typeof etcd>;
