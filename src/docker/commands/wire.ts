import { Option } from 'commander';
import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addPlaceOptions, type PlaceFlags, placesOf, unitNamesOf } from '#docker/wire/wire-options.ts';
import { BINDS, FORMS, type WireBind, type WireForm, type WirePlan } from '#docker/wire/wiring.ts';
import type { Host } from '#hosts/host.ts';
import { Fault } from '#runtime/fault.ts';
import { hasOwnDaemon, noteChanges, requireRoot, showPlan } from './shared.ts';

interface WireFlags extends CommonOptions, PlaceFlags {
  readonly form?: WireForm;
  readonly bind: WireBind;
  readonly dryRun?: boolean;
  readonly restart?: boolean;
}

/** `weft docker wire`: docker takes over the lease at every start. */
export const wireCommand: CommandBuilder = (context) => {
  const command = defineCommand({
    name: 'wire',
    summary: 'let docker take over the lease of this host at every start',
    examples: [
      ['weft docker wire --dry-run', 'what would be written, as a diff'],
      ['weft docker wire --restart', 'and docker is on the lease at once, if no container is attached'],
    ],
  });
  return addPlaceOptions(command)
    .addOption(new Option('--form <form>', 'how docker is told (default: what suits daemon.json)').choices([...FORMS]))
    .addOption(
      new Option('--bind <how>', "docker's tie to the agent; with requires docker restarts whenever the agent does")
        .choices([...BINDS])
        .default('wants'),
    )
    .option('--dry-run', 'only show what would be written')
    .option('--restart', 'restart docker, without a bridge of an older lease; not while containers are attached')
    .action(async (flags: WireFlags) => wire(context, flags));
};

async function wire(context: CommandContext, flags: WireFlags): Promise<void> {
  const [{ readDisk }, { planWiring }, { applyChanges, reloadUnits }, { localHost }] = await Promise.all([
    import('#docker/wire/read-disk.ts'),
    import('#docker/wire/wiring.ts'),
    import('#docker/wire/apply.ts'),
    import('#hosts/local.ts'),
  ]);
  const host = localHost();
  const places = placesOf(flags);
  const disk = await readDisk(host, places, unitNamesOf(flags));
  const plan = planWiring(disk, places, { form: flags.form, bind: flags.bind, now: new Date() });
  if (flags.dryRun === true) {
    showPlan(context, plan.changes);
    if (plan.changes.length === 0 && flags.quiet !== true) context.writeNote('nothing to change\n');
    return;
  }
  requireRoot('weft docker wire');
  await requireProgram(host, places.weft);
  await applyChanges(host, plan.changes);
  const systemd = plan.changes.length > 0 ? await reloadUnits(host) : true;
  const note = flags.quiet === true ? (): void => {} : context.writeNote;
  if (flags.quiet !== true) noteChanges(context, plan.changes);
  if (plan.changes.length === 0) note('nothing to change\n');
  if (!systemd) note('no systemd runs here: it reads the units when it does\n');
  const ownDaemon = hasOwnDaemon(context);
  const { docker, agent, lease } = disk;
  await takeEffect(host, flags, { plan, docker: docker.name, agent: agent.name, lease, ownDaemon, note });
}

interface Wired {
  readonly plan: WirePlan;
  readonly docker: string;
  readonly agent: string;
  readonly lease: Awaited<ReturnType<typeof import('#docker/wire/read-disk.ts').readDisk>>['lease'];
  readonly ownDaemon: boolean;
  readonly note: (text: string) => void;
}

async function takeEffect(
  host: Host,
  flags: WireFlags,
  { plan, docker, agent, lease, ownDaemon, note }: Wired,
): Promise<void> {
  const { removeStaleBridge, restartDocker } = await import('#docker/wire/apply.ts');
  if (lease === undefined) {
    return note(`there is no lease in ${flags.subnetFile} yet: docker takes it over when ${agent} has one\n`);
  }
  if (flags.restart === true) {
    const { weft, subnetFile } = flags;
    const target =
      plan.form === 'dropin' ? ['-k', plan.options.key, '-d', plan.options.file] : ['--daemon-json', flags.daemonJson];
    const optionsCommand = [weft, 'docker-opts', '--quiet', '-f', subnetFile, ...target];
    await restartDocker(host, { docker, lease, optionsCommand });
    return note(`${docker} is restarted with ${lease.bip}\n`);
  }
  const said = await removeStaleBridge(host, lease, ownDaemon ? undefined : docker);
  if (said !== undefined) note(`${said}\n`);
  if (plan.changes.length > 0)
    note(`it takes effect when ${agent} and then ${docker} start again: weft docker status\n`);
}

async function requireProgram(host: Host, weft: string): Promise<void> {
  const found = await host.run({ argv: ['test', '-x', weft], why: `look for ${weft}` });
  if (found.code === 0) return;
  throw new Fault('usage.flag', {
    what: `there is no program ${weft} that the agent's unit could start`,
    remedy: 'say where weft is: --weft /path/of/weft',
  });
}
