import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import { startProgress } from '#cli/progress.ts';
import type { EtcdApi, PodKind } from '#lab/plan.ts';
import { Fault } from '#runtime/fault.ts';
import { DEFAULT_LAB, requireRoot } from './lab-option.ts';
import { printLab } from './print-lab.ts';

interface UpOptions extends CommonOptions, OutputOptions {
  readonly name: string;
  readonly hosts: string;
  readonly subnet?: string;
  readonly network?: string;
  readonly backend?: string;
  readonly directRouting?: boolean;
  readonly dualStack?: boolean;
  readonly ipv6Only?: boolean;
  readonly nftables?: boolean;
  readonly config?: string;
  readonly etcdApi: EtcdApi;
  readonly ipMasq?: boolean;
  readonly pods: PodKind;
}

const BACKENDS = ['vxlan', 'host-gw', 'udp', 'wireguard', 'ipip', 'alloc'];

/** `weft lab up`: from nothing to a full Pod matrix. */
export const upCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'up',
    summary: 'start a lab: hosts, etcd, an agent and a Pod per host',
    examples: [
      ['weft lab up --backend wireguard --dual-stack', 'encrypted, and Pods have IPv4 and IPv6 addresses'],
      ['weft lab up --name blue --hosts 7 --config net.json', 'a second lab beside it, with a network of your own'],
    ],
  })
    .option('--name <lab>', 'name of the lab', DEFAULT_LAB)
    .option('--hosts <number>', 'how many hosts, 3 to 50', '3')
    .option('--subnet <cidr>', 'network of the hosts (default: a free 10.x.0.0/16)')
    .option('--network <cidr>', 'network of the Pods (default: 172.30.0.0/16; with --ipv6-only fd30::/56)')
    .addOption(new Option('--backend <type>', 'how packets travel (default: vxlan)').choices(BACKENDS))
    .option('--direct-routing', 'vxlan, ipip: hosts of one segment are routed to, not tunnelled to')
    .option('--dual-stack', 'Pods have IPv4 and IPv6 addresses')
    .option('--ipv6-only', 'Pods have IPv6 addresses alone')
    .option('--nftables', "the agents' traffic rules are nftables, not iptables")
    .option('--config <file>', 'the whole network document, in place of the six above')
    .addOption(new Option('--etcd-api <version>', 'etcd API of the agents').choices(['v2', 'v3']).default('v3'))
    .option('--ip-masq', 'the agents masquerade what Pods send to outside')
    .addOption(
      new Option(
        '--pods <kind>',
        'what a Pod is: a bare namespace, a container of a docker daemon per host, or attached by the CNI plugin weft',
      )
        .choices(['namespace', 'docker', 'cni'])
        .default('namespace'),
    )
    .addOption(outputOption())
    .action(async (options: UpOptions) => up(context, options));

async function up(context: CommandContext, options: UpOptions): Promise<void> {
  requireRoot();
  const [{ createLab, svgFile }, { matrixFault }, { requireState, readState }] = await Promise.all([
    import('#lab/lab.ts'),
    import('#lab/lab-faults.ts'),
    import('#lab/state.ts'),
  ]);
  if (!/^\d+$/.test(options.hosts)) {
    throw new Fault('usage.flag', { what: `--hosts ${JSON.stringify(options.hosts)} is not a whole number` });
  }
  const request = {
    name: options.name,
    hosts: Number(options.hosts),
    ...(options.subnet !== undefined && { subnet: options.subnet }),
    ...(options.network !== undefined && { network: options.network }),
    ...(options.backend !== undefined && { backend: options.backend }),
    ...(options.directRouting !== undefined && { directRouting: options.directRouting }),
    ...(options.dualStack !== undefined && { dualStack: options.dualStack }),
    ...(options.ipv6Only !== undefined && { ipv6Only: options.ipv6Only }),
    ...(options.nftables !== undefined && { nftables: options.nftables }),
    etcdApi: options.etcdApi,
    pods: options.pods,
    ...(options.ipMasq !== undefined && { masquerade: options.ipMasq }),
    ...(options.config !== undefined && { document: await readDocument(options.config) }),
  };
  const existed = readState(options.name) !== undefined;
  const signal = context.catchInterrupt();
  const startedMs = performance.now();
  const progress = startProgress(context, options);
  try {
    const snapshot = await createLab(request, { ...progress, signal });
    progress.done();
    const { plan } = requireState(options.name);
    const svg = svgFile(plan);
    printLab(context, snapshot, { output: options.output, drawing: true, more: { directory: plan.directory, svg } });
    const fault = matrixFault(snapshot, plan);
    if (fault !== undefined) throw fault;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (options.quiet !== true) context.writeNote(`\nlab ${plan.name} is up after ${seconds} s. Picture: ${svg}\n`);
  } catch (error) {
    progress.fail();
    if (signal.aborted) {
      context.writeNote(`interrupted: everything that was made for the lab ${options.name} is removed\n`);
      return context.finish(130);
    }
    if (!existed && readState(options.name) !== undefined) {
      context.writeNote(
        `the lab ${options.name} is left as it is, for a look at it; remove it: weft lab down --name ${options.name}\n`,
      );
    }
    throw error;
  }
}

async function readDocument(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Fault('network.unreadable', {
      what: 'the file with the network document cannot be read',
      where: file,
      cause,
    });
  }
}
