/** The agent face: reads the command line, makes the parts, joins them, and waits for a signal. */
import { randomBytes } from 'node:crypto';
import { type AgentConfig, parseAgentCommandLine } from '#agent/config/agent-config.ts';
import { startDriver } from '#agent/driver.ts';
import { MirrorKernel } from '#agent/kernel/mirror-kernel.ts';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import { notifier } from '#agent/publish/notify.ts';
import { readPreviousSubnet, writeSubnetFile } from '#agent/publish/subnet-file.ts';
import { connectEtcd } from '#etcd/client.ts';
import { macFromRandom } from '#model/mac.ts';
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
  const ended = signalled();
  // The TLS handshake goes on while the kernel is looked at.
  const etcd = connectEtcd(etcdOptions(config));
  const store = new EtcdLeaseStore({ etcd, prefix: config.etcd.prefix });
  const kernel = new MirrorKernel(new NetlinkKernel(), systemClock);
  log.info('starting', { version: VERSION, endpoints: config.etcd.endpoints.join(','), prefix: config.etcd.prefix });
  const driver = startDriver({
    settings: coreSettings(config),
    kernel,
    store,
    clock: systemClock,
    log,
    publish: (text) => publish(config.subnetFile, text, log),
    notify: notifier(environment.NOTIFY_SOCKET, (why) => log.warn('service manager not told', { why })),
    random: Math.random,
    relieve,
  });
  const signal = await ended;
  log.info('stopping; interfaces, routes and lease stay', { signal });
  driver.stop();
  store.close();
  etcd.close();
  kernel.close();
  return 0;
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
  const previous = readPreviousSubnet(config.subnetFile);
  return {
    interfaces: config.interfaces,
    publicIp: config.publicIp,
    renewMarginMs: config.renewMarginMs,
    previous: previous === undefined ? undefined : { ipv4: previous },
    randomMac: macFromRandom(randomBytes(6)),
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

function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}
