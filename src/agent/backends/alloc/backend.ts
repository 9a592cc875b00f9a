/** The alloc backend: leases a subnet and leaves the routes to somebody else (spec §5.8). No options, no data, no state. */
import type { Backend, BackendType } from '#agent/backends/backend.ts';

const BACKEND: Backend = {
  leaseType: '',
  devices: [],
  needsHostRoutes: false,
  underlayRoutes: 'operators',
  refuseUnderlay: () => undefined,
  mtu: ({ mtu }) => mtu,
  identify: () => ({ macs: {} }),
  leaseData: () => ({}),
  desired: () => ({ state: { devices: [], addresses: [], neighbors: [], fdb: [], routes: [] }, refused: [] }),
};

export const allocBackend: BackendType = { type: 'alloc', open: () => ({ backend: BACKEND }) };
