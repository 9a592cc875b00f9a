/** The agent face: reads the command line, makes the parts, joins them, and waits for a signal. */
import { randomBytes } from 'node:crypto';
import { type AgentConfig, parseAgentCommandLine } from '#agent/config/agent-config.ts';
import { startDriver } from '#agent/driver.ts';
import { openWireguardEngine } from '#agent/engines/wireguard-engine.ts';
import { wireguardEnvironment } from '#agent/engines/wireguard-environment.ts';
import type { HealthServer } from '#agent/health/health-server.ts';
import { MirrorKernel } from '#agent/kernel/mirror-kernel.ts';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import { notifier } from '#agent/publish/notify.ts';
import { readPreviousSubnet, writeSubnetFile } from '#agent/publish/subnet-file.ts';
import { listenForSignals } from '#agent/signals.ts';
import { connectEtcd } from '#etcd/client.ts';
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
  const etcd = connectEtcd(etcdOptions(config));
  const store = new EtcdLeaseStore({ etcd, prefix: config.etcd.prefix });
  const kernel = new MirrorKernel(new NetlinkKernel(), systemClock);
  log.info('starting', { version: VERSION, endpoints: config.etcd.endpoints.join(','), prefix: config.etcd.prefix });
  const driver = startDriver({
    settings: coreSettings(config),
    kernel,
    engines: {
      wireguard: () => openWireguardEngine({ ...wireguardEnvironment(environment), log, clock: systemClock }),
    },
    store,
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
  store.close();
  etcd.close();
  kernel.close();
  return 0;
}

/** Loaded only where somebody asks. */
async function startHealth({ health }: AgentConfig, ready: () => boolean): Promise<HealthServer | undefined> {
  if (health === undefined) return undefined;
  const { startHealthServer } = await import('#agent/health/health-server.ts');
  return startHealthServer({ ...health, ready });
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
    previous: readPreviousSubnet(config.subnetFile),
    randomMacs: { ipv4: randomMac(), ipv6: randomMac() },
    spread: Math.random(),
  };
}

function etcdOptions(config: AgentConfig): Parameters<typeof connectEtcd>[0] {
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
