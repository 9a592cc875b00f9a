/** weft cni */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { type CommandContext, type CommonOptions, defineCommand, defineGroup } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import { Fault } from '#runtime/fault.ts';
import { DEFAULT_SUBNET_FILE } from './flannel/flannel-configuration.ts';
import { PLUGIN_KINDS, type PluginKindName } from './install/plugin-kind.ts';

interface Options extends CommonOptions, OutputOptions {
  readonly plugin: PluginKindName;
  readonly binDir: string;
  readonly confDir: string;
  readonly name?: string;
  readonly subnetFile: string;
  readonly check?: boolean;
  readonly force?: boolean;
}

/** Debian, Fedora and Arch, and what the plugins' own releases are unpacked to. */
const COMPANION_FOLDERS = ['/usr/lib/cni', '/usr/libexec/cni', '/opt/cni/bin'];

export function cniCommand(context: CommandContext): Command {
  return defineGroup(
    {
      name: 'cni',
      summary: 'the network of container runtimes: plugins and network list',
      examples: [
        ['weft cni install', 'puts all in place, then tries it out'],
        ['weft cni check', 'what is wrong, and what to do; exit code 1 if something is'],
      ],
    },
    [installCommand(context), checkCommand(context)],
  );
}

function installCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'install',
    summary: 'put plugins and network list in place, repair a stale bridge, try it out in a scratch namespace',
    examples: [
      ['weft cni install', 'in /opt/cni/bin and /etc/cni/net.d; a second time changes nothing'],
      ['weft cni install --plugin weft', 'the faster plugin: the agent attaches the containers'],
    ],
  })
    .option('--check', 'only look; exit code 1 if something is not as it should be')
    .option('--force', 'replace files that are not ours; a copy is kept');
  return addPlaces(command).action(() => install(context, command.opts<Options>()));
}

function checkCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'check',
    summary: 'look whether containers get their network: files, the list that runtimes take, bridges, a trial',
    examples: [
      ['weft cni check', 'findings with cause and remedy; exit code 1 if there is a problem'],
      ['weft cni check -o json', 'the same for a program'],
    ],
  });
  return addPlaces(command).action(() => install(context, { ...command.opts<Options>(), check: true }));
}

function addPlaces(command: Command): Command {
  return command
    .addOption(new Option('--plugin <plugin>', 'which plugin').choices(Object.keys(PLUGIN_KINDS)).default('flannel'))
    .option('--bin-dir <folder>', 'where the runtime looks for plugins', '/opt/cni/bin')
    .option('--conf-dir <folder>', 'where the runtime looks for network lists', '/etc/cni/net.d')
    .option('--name <name>', 'name of the network (default: cbr0)')
    .option('--subnet-file <file>', 'subnet file of the agent', DEFAULT_SUBNET_FILE)
    .addOption(outputOption());
}

async function install(context: CommandContext, options: Options): Promise<void> {
  const { installCni } = await import('./install/install.ts');
  const { thisMachine } = await import('./install/this-machine.ts');
  const { hasProblem, printReport } = await import('./install/print-report.ts');
  requireName(options.name);
  requireRoot();
  const check = options.check === true;
  const report = await installCni(
    {
      kind: PLUGIN_KINDS[options.plugin],
      binDir: options.binDir,
      confDir: options.confDir,
      name: options.name,
      subnetFile: options.subnetFile,
      program: PLUGIN_KINDS[options.plugin].program === 'launcher' ? launcher() : shim(),
      companionFolders: COMPANION_FOLDERS,
      check,
      force: options.force === true,
      stamp: new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
    },
    thisMachine,
  );
  printReport(context, options.output, report, check);
  if (hasProblem(report)) context.finish(1);
}

function requireName(name: string | undefined): void {
  if (name === undefined || /^[a-zA-Z0-9][\w.-]*$/.test(name)) return;
  throw new Fault('usage.flag', { what: `--name ${name} is no name for a network: letters, digits, ., _ and - only` });
}

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Fault('usage.not-root', { what: 'plugins are tried in network namespaces, which only root may make' });
}

/** bin/weft, beside the sources or beside the bundle. */
function launcher(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const program = join(folder, 'bin', 'weft');
    if (existsSync(program)) return program;
    if (folder === dirname(folder))
      throw new Fault('host.file', { what: 'the launcher bin/weft is missing', where: import.meta.dirname });
  }
}

/** The static program, beside the bundle or where the native part is built. */
function shim(): string {
  const root = dirname(dirname(launcher()));
  const candidates = [join(root, 'dist/cni-weft'), join(root, 'native/build/cni-weft')];
  const found = candidates.find((program) => existsSync(program));
  if (found !== undefined) return found;
  throw new Fault('host.file', { what: 'the program of the plugin weft is missing', where: candidates.join(', ') });
}
