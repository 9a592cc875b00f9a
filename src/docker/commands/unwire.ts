import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { addPlaceOptions, type PlaceFlags, placesOf, unitNamesOf } from '#docker/wire/wire-options.ts';
import { noteChanges, requireRoot, showPlan } from './shared.ts';

interface UnwireFlags extends CommonOptions, PlaceFlags {
  readonly dryRun?: boolean;
}

/** `weft docker unwire`: everything as it was before `wire`. */
export const unwireCommand: CommandBuilder = (context) => {
  const command = defineCommand({
    name: 'unwire',
    summary: 'take back what weft docker wire has written',
    examples: [
      ['weft docker unwire --dry-run', 'what would be taken back, as a diff'],
      ['weft docker unwire', 'drop-ins go, daemon.json is as it was'],
    ],
  });
  return addPlaceOptions(command)
    .option('--dry-run', 'only show what would be taken back')
    .action(async (flags: UnwireFlags) => unwire(context, flags));
};

async function unwire(context: CommandContext, flags: UnwireFlags): Promise<void> {
  const [{ readDisk }, { planUnwiring }, { applyChanges, reloadUnits }, { localHost }] = await Promise.all([
    import('#docker/wire/read-disk.ts'),
    import('#docker/wire/wiring.ts'),
    import('#docker/wire/apply.ts'),
    import('#hosts/local.ts'),
  ]);
  const host = localHost();
  const places = placesOf(flags);
  const disk = await readDisk(host, places, unitNamesOf(flags));
  const changes = planUnwiring(disk, places);
  if (flags.dryRun === true) return showPlan(context, changes);
  requireRoot('weft docker unwire');
  await applyChanges(host, changes);
  if (changes.length > 0) await reloadUnits(host);
  if (flags.quiet === true) return;
  noteChanges(context, changes);
  const next = `docker keeps its network until it starts again: systemctl restart ${disk.docker.name}`;
  context.writeNote(changes.length === 0 ? 'nothing to take back\n' : `${next}\n`);
}
