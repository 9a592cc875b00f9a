/** The agent face: reads the command line, makes the parts, joins them, and waits for a signal. */
import { randomBytes } from 'node:crypto';
import { type AgentConfig, parseAgentCommandLine } from '#agent/config/agent-config.ts';
import { startLateControl } from '#agent/control/late-control.ts';
import type { AgentFace } from '#agent/control/methods.ts';
import { startDriver } from '#agent/driver.ts';
import type { HealthServer } from '#agent/health/health-server.ts';
import { MirrorKernel } from '#agent/kernel/mirror-kernel.ts';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';
import { openAgentCache } from '#agent/open-agent-cache.ts';
import { KUBE_PATIENCE, markNetworkAvailable, openAgentStore } from '#agent/open-agent-store.ts';
import { openEngines } from '#agent/open-engines.ts';
import { openFastPath } from '#agent/open-fast-path.ts';
import { readFormerFabrics } from '#agent/publish/former-fabrics.ts';
import { notifier } from '#agent/publish/notify.ts';
import { readPreviousSubnet, writeSubnetFile } from '#agent/publish/subnet-file.ts';
import { listenForSignals } from '#agent/signals.ts';
import { openTraffic } from '#agent/traffic/traffic.ts';
import { type Mac, macFromRandom } from '#model/mac.ts';
import { loadNative } from '#netlink/native.ts';
import { systemClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog, type Log } from '#runtime/log.ts';
import { collectGarbage } from '#runtime/memory.ts';
import { retry } from '#runtime/retry.ts';
import { VERSION } from '#runtime/version.ts';

/** A store that takes longer for its first answer is not waited for when there is a cache. */
const STORE_PATIENCE_MS = 1500;

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs until SIGTERM or SIGINT; returns the exit code. */
export async function runAgent(argv: readonly string[], environment: Environment): Promise<number> {
  try {
    const command = parseAgentCommandLine(argv, environment);
    if (command.type === 'run') return await serve(command.config, environment);
    if (command.type === 'help') process.stdout.write(command.text);
    else process.stderr.write(`${VERSION}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    process.stderr.write(`${error}\n`);
    return error.exitCode;
  }
}

async function serve(config: AgentConfig, environment: Environment): Promise<number> {
  const log = createLog({
    verbose: config.verbose,
    journal: environment.JOURNAL_STREAM !== undefined,
    write: (line) => process.stderr.write(line),
    now: () => Date.now(),
  });
  let reload = (): void => undefined;
  const ended = listenForSignals(process, () => reload());
  for (const note of config.notes) log.warn(note);
  let ready = false;
  let agent: AgentFace | undefined;
  const health = await startHealth(
    config,
    () => ready,
    () => agent,
  );
  // The TLS handshake goes on while the kernel is looked at.
  const { store, kube, identity, where, close } = await openAgentStore(config, environment, log);
  const kernel = new MirrorKernel(new NetlinkKernel(), systemClock);
  log.info('starting', { version: VERSION, ...where });
  const first = kube === undefined ? {} : await Promise.race([retry(() => kube.publicIps(), KUBE_PATIENCE), ended]);
  if (typeof first === 'string') {
    await health?.close();
    close();
    kernel.close();
    return 0;
  }
  const face: AgentFace = {
    report: (detail) => driver.report(detail),
    store: kube === undefined ? 'etcd' : 'Kubernetes',
    // A host without containers of ours never loads it.
    serveCni: async (params) => {
      const { serveRequest } = await import('#cni/weft/serve-request.ts');
      return serveRequest(params, { subnetFile: config.subnetFile, log });
    },
  };
  const control = startLateControl({ path: config.controlSocket, agent: face, clock: systemClock, log });
  const notify = notifier(environment.NOTIFY_SOCKET, (why) => log.warn('service manager not told', { why }));
  const driver = startDriver({
    settings: coreSettings(config, first, identity !== undefined),
    kernel,
    engines: openEngines(environment, log, config.subnetFile),
    store,
    ...(config.cacheFile === undefined || identity === undefined
      ? {}
      : { cache: openAgentCache({ path: config.cacheFile, store: identity }) }),
    traffic: openTraffic(async () => {
      const { SystemFirewall } = await import('#firewall/system-firewall.ts');
      return new SystemFirewall({ resyncMs: config.traffic.resyncMs });
    }),
    ...(config.fastPath === 'bpf' ? { fastPath: openFastPath(systemClock, log) } : {}),
    clock: systemClock,
    log,
    publish: (text) => {
      publish(config.subnetFile, text, log);
      ready = true;
    },
    notify: (text) => {
      notify(text);
      if (text.startsWith('READY=1')) setImmediate(control.open);
      const marks = config.kube?.setNodeNetworkUnavailable === true && text.startsWith('READY=1');
      if (kube !== undefined && marks) markNetworkAvailable(kube, log);
    },
    random: Math.random,
    relieve,
  });
  agent = face;
  reload = () => {
    driver.reload();
    control.open();
  };
  const signal = await ended;
  log.info('stopping; interfaces, routes and lease stay', { signal });
  await Promise.all([driver.stop(), health?.close(), control.close()]);
  close();
  kernel.close();
  return 0;
}

/** Loaded only where somebody asks. */
async function startHealth(
  { health }: AgentConfig,
  ready: () => boolean,
  agent: () => AgentFace | undefined,
): Promise<HealthServer | undefined> {
  if (health === undefined) return undefined;
  const { startHealthServer } = await import('#agent/health/health-server.ts');
  const metrics = async (): Promise<string | undefined> => {
    const face = agent();
    return face && (await import('#agent/health/agent-metrics.ts')).agentMetrics(face);
  };
  return startHealthServer({ ...health, ready, metrics });
}

function relieve(): void {
  collectGarbage();
  loadNative().trimHeap();
}

function publish(path: string, text: string, log: Log): void {
  const written = writeSubnetFile(path, text);
  log.info(written ? 'subnet file written' : 'subnet file is right already', { path });
}

function coreSettings(
  config: AgentConfig,
  given: { readonly ipv4?: number; readonly ipv6?: bigint },
  cacheable: boolean,
): Parameters<typeof startDriver>[0]['settings'] {
  const randomMac = (): Mac => macFromRandom(randomBytes(6));
  return {
    interfaces: config.interfaces,
    interfacePatterns: config.interfacePatterns,
    canReach: config.canReach,
    publicIp: given.ipv4 ?? config.publicIp,
    publicIpv6: given.ipv6 ?? config.publicIpv6,
    blackhole: config.blackhole,
    ...(cacheable && config.cacheFile !== undefined ? { cache: { patienceMs: STORE_PATIENCE_MS } } : {}),
    acceptNewSubnet: config.acceptNewSubnet,
    renewMarginMs: config.renewMarginMs,
    withdraw: config.withdraw,
    wallOffsetMs: Date.now() - systemClock.now(),
    traffic: config.traffic,
    former: readFormerFabrics(config.subnetFile),
    previous: readPreviousSubnet(config.subnetFile),
    randomMacs: { ipv4: randomMac(), ipv6: randomMac() },
    spread: Math.random(),
    sweepMs: config.sweepMs,
    manageSysctls: config.manageSysctls,
  };
}
