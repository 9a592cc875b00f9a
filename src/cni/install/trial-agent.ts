/** Serves the plugin `weft` on a trial: what the agent does, on a host that is a namespace, at a socket of the trial's own. */
import { join } from 'node:path';
import { openControlServer } from '#agent/control/control-server.ts';
import { CONTROL_SOCKET_VARIABLE } from '#agent/control/protocol.ts';
import { CniService } from '#cni/weft/cni-service.ts';
import { HostSide } from '#cni/weft/host-side.ts';
import { shimEnvironment } from '#cni/weft/serve-request.ts';
import { createLog } from '#runtime/log.ts';
import type { TrialAgent } from './plugin-kind.ts';

const PATIENCE_MS = 25_000;

/** Throws Fault `agent.control-socket`. */
export async function openTrialAgent(namespace: string, folder: string): Promise<TrialAgent> {
  const path = join(folder, 'agent.sock');
  // What goes wrong is in the answer.
  const log = createLog({ verbose: false, journal: false, write: () => undefined, now: () => Date.now() });
  const host = new HostSide(namespace);
  // A trial names its subnet file in the configuration.
  const service = new CniService({ subnetFile: join(folder, 'subnet.env'), log, host });
  const server = await openControlServer({
    path,
    log,
    methods: new Map([
      ['cni', { run: (params) => service.serve(...shimEnvironment(params)), patienceMs: PATIENCE_MS }],
    ]),
  });
  return {
    environment: { [CONTROL_SOCKET_VARIABLE]: path },
    async close() {
      await server.close();
      service.close();
    },
  };
}
