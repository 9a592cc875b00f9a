/**
 * The iptables-restore transaction that turns what one variant holds into what it shall hold. Pure; undefined when nothing
 * differs.
 *
 * Our own chain has to equal ours rule by rule, in order, but for what another agent on this host has there for a network of
 * its own (other-fabrics.ts). The shared chain (POSTROUTING, FORWARD) belongs to everybody:
 * flannel appends its jump, kube-proxy and docker insert theirs in front. So the jump is right when it is there exactly once,
 * in its exact form, and no former rule of ours stands beside it; where it stands among the rules of others is never changed.
 * A jump that has to be written is appended.
 */
import { type DesiredFirewall, fabricOf } from './desired.ts';
import { PURPOSES, type Purpose, rulesFor } from './flannel-rules.ts';
import { isFormerRule, uncommentedRules } from './former-rules.ts';
import {
  IPTABLES_PLACES,
  iptablesJump,
  iptablesOption,
  iptablesRule,
  iptablesTarget,
  iptablesWords,
} from './iptables-rules.ts';
import type { ObservedIptables, ObservedTable } from './observed.ts';
import { isOfOtherFabric, knownFabrics, sharedRules } from './other-fabrics.ts';
import type { Change, IptablesTransaction } from './transaction.ts';

export function planIptables(desired: DesiredFirewall, observed: ObservedIptables): IptablesTransaction | undefined {
  const plans = PURPOSES.map((purpose) => planTable(desired, observed, purpose));
  const changes = plans.flatMap((plan) => plan.changes);
  if (changes.length === 0) return undefined;
  const text = plans
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ table, lines }) => [`*${table}`, ...lines, 'COMMIT']);
  return {
    type: 'iptables',
    family: observed.family,
    variant: observed.variant,
    text: `${text.join('\n')}\n`,
    changes,
  };
}

interface TablePlan {
  readonly table: string;
  readonly lines: readonly string[];
  readonly changes: readonly Change[];
}

function planTable(desired: DesiredFirewall, observed: ObservedIptables, purpose: Purpose): TablePlan {
  const { table } = IPTABLES_PLACES[purpose];
  const ours = desired.mode === 'iptables' && observed.live;
  const rules = ours ? rulesFor(desired, observed.family, purpose, observed.supportsFullyRandom) : undefined;
  const { comment } = IPTABLES_PLACES[purpose];
  const known = knownFabrics(desired, observed.family);
  const wanted = sharedRules(
    rules?.map((rule) => iptablesRule(rule, comment)),
    observed[table].own?.rules ?? [],
    (rule) => isOfOtherFabric(rule, known) && iptablesOption(iptablesWords(rule), '--comment') === comment,
    sameRule,
  );
  const parts =
    wanted === undefined
      ? [removal(observed[table], purpose)]
      : [writtenChain(observed[table], purpose, wanted), writtenJump(observed[table], purpose)];
  // Rules of old releases go when ours are written, wherever that is: both together would masquerade what ours spare.
  if (desired[purpose] && fabricOf(desired, observed.family) !== undefined) {
    parts.unshift(formerRules(desired, observed, purpose));
  }
  return {
    table,
    lines: parts.flatMap((part) => part.lines),
    changes: parts.flatMap((part) => part.changes),
  };
}

type Part = Omit<TablePlan, 'table'>;

const NOTHING: Part = { lines: [], changes: [] };

function writtenChain({ own }: ObservedTable, purpose: Purpose, wanted: readonly string[]): Part {
  const { chain } = IPTABLES_PLACES[purpose];
  if (
    own !== undefined &&
    own.rules.length === wanted.length &&
    wanted.every((rule, at) => sameRule(rule, own.rules[at]))
  ) {
    return NOTHING;
  }
  // With --noflush a declared chain is made, or emptied when it is there.
  const lines = [`:${chain} - [0:0]`, ...wanted.map((rule) => `-A ${chain} ${rule}`)];
  const why = own === undefined ? 'absent' : 'different';
  return { lines, changes: [{ type: 'chain-write', purpose, rules: wanted.length, why }] };
}

function writtenJump(table: ObservedTable, purpose: Purpose): Part {
  const place = IPTABLES_PLACES[purpose];
  const wanted = iptablesJump(place);
  const present = jumps(table, purpose);
  if (present.length === 1 && sameRule(wanted, present[0])) return NOTHING;
  const lines = [...present.map((rule) => `-D ${place.hook} ${rule}`), `-A ${place.hook} ${wanted}`];
  const why = present.length === 0 ? 'absent' : present.length > 1 ? 'repeated' : 'different';
  return { lines, changes: [{ type: 'jump-write', purpose, why }] };
}

function removal(table: ObservedTable, purpose: Purpose): Part {
  const { chain, hook } = IPTABLES_PLACES[purpose];
  const present = jumps(table, purpose);
  const flushedOnly = table.referencedElsewhere;
  const emptyAlready = flushedOnly && table.own?.rules.length === 0 && present.length === 0;
  if (table.own === undefined || emptyAlready) return NOTHING;
  const unjump = present.map((rule) => `-D ${hook} ${rule}`);
  const lines = [`:${chain} - [0:0]`, ...unjump, ...(flushedOnly ? [] : [`-X ${chain}`])];
  return { lines, changes: [{ type: 'chain-delete', purpose, flushedOnly }] };
}

function formerRules(desired: DesiredFirewall, observed: ObservedIptables, purpose: Purpose): Part {
  const place = IPTABLES_PLACES[purpose];
  const uncommented = uncommentedRules(purpose, [...desired.fabrics, ...desired.former]);
  const present = observed[place.table].hook?.rules ?? [];
  const former = present.filter((rule) => isFormerRule(purpose, rule, uncommented));
  return {
    lines: former.map((rule) => `-D ${place.hook} ${rule}`),
    changes: former.map((rule) => ({ type: 'former-delete', purpose, rule })),
  };
}

/** The rules of the shared chain that lead to ours, in whatever form. */
function jumps({ hook }: ObservedTable, purpose: Purpose): readonly string[] {
  const { chain } = IPTABLES_PLACES[purpose];
  return (hook?.rules ?? []).filter((rule) => rule.includes(chain) && iptablesTarget(iptablesWords(rule)) === chain);
}

/** Releases quote differently, so words are compared. */
function sameRule(wanted: string, present: string | undefined): boolean {
  if (present === undefined || wanted === present) return present !== undefined;
  const [a, b] = [iptablesWords(wanted), iptablesWords(present)];
  return a.length === b.length && a.every((word, at) => word === b[at]);
}
