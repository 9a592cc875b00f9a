/** The agent face: reads the command line, makes the parts, joins them, and waits for a signal. */
import { randomBytes } from 'node:crypto';
import type { OpenEngines } from '#agent/backends/engine.ts';
import { type AgentConfig, parseAgentCommandLine } from '#agent/config/agent-config.ts';
import { startDriver } from '#agent/driver.ts';
import type { HealthServer } from '#agent/health/health-server.ts';
import { MirrorKernel } from '#agent/kernel/mirror-kernel.ts';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';
import { openLeaseStore } from '#agent/leases/open-store.ts';
import { readFormerFabrics } from '#agent/publish/former-fabrics.ts';
import { notifier } from '#agent/publish/notify.ts';
import { readPreviousSubnet, writeSubnetFile } from '#agent/publish/subnet-file.ts';
import { listenForSignals } from '#agent/signals.ts';
import { openTraffic } from '#agent/traffic/traffic.ts';
import type { EtcdOptions } from '#etcd/api.ts';
import { type Mac, macFromRandom } from '#model/mac.ts';
import { loadNative } from '#netlink/native.ts';
import { systemClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog, type Log } from '#runtime/log.ts';
import { collectGarbage, preferSmallMemory } from '#runtime/memory.ts';
import { VERSION } from '#runtime/version.ts';

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
  preferSmallMemory();
  const ended = listenForSignals(process);
  for (const note of config.notes) log.warn(note);
  let ready = false;
  const health = await startHealth(config, () => ready);
  // The TLS handshake goes on while the kernel is looked at.
  const opened = await openLeaseStore({
    ...etcdOptions(config),
    api: config.etcd.api,
    prefix: config.etcd.prefix,
    tell: (note) => log.info('etcd API', { ...note }),
  });
  const kernel = new MirrorKernel(new NetlinkKernel(), systemClock);
  log.info('starting', { version: VERSION, endpoints: config.etcd.endpoints.join(','), prefix: config.etcd.prefix });
  const driver = startDriver({
    settings: coreSettings(config),
    kernel,
    engines: engines(environment, log),
    store: opened.store,
    traffic: openTraffic(async () => {
      const { SystemFirewall } = await import('#firewall/system-firewall.ts');
      return new SystemFirewall({ resyncMs: config.traffic.resyncMs });
    }),
    clock: systemClock,
    log,
    publish: (text) => {
      publish(config.subnetFile, text, log);
      ready = true;
    },
    notify: notifier(environment.NOTIFY_SOCKET, (why) => log.warn('service manager not told', { why })),
    random: Math.random,
    relieve,
  });
  const signal = await ended;
  log.info('stopping; interfaces, routes and lease stay', { signal });
  await Promise.all([driver.stop(), health?.close()]);
  opened.close();
  kernel.close();
  return 0;
}

/** Loaded only where somebody asks. */
async function startHealth({ health }: AgentConfig, ready: () => boolean): Promise<HealthServer | undefined> {
  if (health === undefined) return undefined;
  const { startHealthServer } = await import('#agent/health/health-server.ts');
  return startHealthServer({ ...health, ready });
}

/** Which peers the commands of an extension were told of, over restarts. */
const TOLD_PEERS_FILE = '/run/flannel/extension-peers.json';

/** Loaded only where the network document asks for them. */
function engines(environment: Environment, log: Log): OpenEngines {
  const clock = systemClock;
  return {
    wireguard: async () => {
      const { openWireguardEngine } = await import('#agent/engines/wireguard-engine.ts');
      const { wireguardEnvironment } = await import('#agent/engines/wireguard-environment.ts');
      return openWireguardEngine({ ...wireguardEnvironment(environment), log, clock });
    },
    extension: async (network) => {
      const { openExtensionEngine } = await import('#agent/engines/extension-engine.ts');
      const { parseExtensionOptions } = await import('#agent/backends/extension/options.ts');
      const { toldPeersFile } = await import('#agent/engines/told-peers.ts');
      const parsed = parseExtensionOptions(network);
      if ('problems' in parsed) throw new Error('the registry refuses such a document before');
      const { preStartup } = parsed.options;
      return openExtensionEngine({ preStartup, told: toldPeersFile(TOLD_PEERS_FILE), clock, log });
    },
    udp: async () => (await import('#agent/engines/udp-engine.ts')).openUdpEngine({ clock, log }),
  };
}

function relieve(): void {
  collectGarbage();
  loadNative().trimHeap();
}

function publish(path: string, text: string, log: Log): void {
  const written = writeSubnetFile(path, text);
  log.info(written ? 'subnet file written' : 'subnet file is right already', { path });
}

function coreSettings(config: AgentConfig): Parameters<typeof startDriver>[0]['settings'] {
  const randomMac = (): Mac => macFromRandom(randomBytes(6));
  return {
    interfaces: config.interfaces,
    interfacePatterns: config.interfacePatterns,
    canReach: config.canReach,
    publicIp: config.publicIp,
    publicIpv6: config.publicIpv6,
    blackhole: config.blackhole,
    renewMarginMs: config.renewMarginMs,
    traffic: config.traffic,
    former: readFormerFabrics(config.subnetFile),
    previous: readPreviousSubnet(config.subnetFile),
    randomMacs: { ipv4: randomMac(), ipv6: randomMac() },
    spread: Math.random(),
  };
}

function etcdOptions(config: AgentConfig): EtcdOptions {
  const { endpoints, caFile, certFile, keyFile, username, password } = config.etcd;
  return {
    endpoints,
    ...(caFile === '' ? {} : { caFile }),
    ...(certFile === '' ? {} : { certFile }),
    ...(keyFile === '' ? {} : { keyFile }),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  };
}
