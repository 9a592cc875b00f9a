/** Every fault there is, and which of them a run takes. */
import { nearestWord } from '#cli/nearest-word.ts';
import { Fault } from '#runtime/fault.ts';
import { AGENT_FAULTS } from './agents.ts';
import { CABLE_FAULTS } from './cable.ts';
import { CACHE_FAULTS } from './cache.ts';
import { DATA_FAULTS } from './data.ts';
import { ETCD_FAULTS } from './etcd.ts';
import type { ChaosFault } from './fault.ts';

export const CATALOGUE: readonly ChaosFault[] = [
  ...AGENT_FAULTS,
  ...CACHE_FAULTS,
  ...ETCD_FAULTS,
  ...CABLE_FAULTS,
  ...DATA_FAULTS,
];

/** The faults of these names, every one when there are none. Fault `usage.flag` for an unknown name. */
export function chooseFaults(names: readonly string[]): readonly ChaosFault[] {
  if (names.length === 0) return CATALOGUE;
  const known = CATALOGUE.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return CATALOGUE.filter(({ name }) => names.includes(name));
  const nearest = nearestWord(unknown, known);
  throw new Fault('usage.flag', {
    what: `there is no fault ${JSON.stringify(unknown)}`,
    ...(nearest !== undefined && { why: `did you mean ${nearest}?` }),
    remedy: 'see npm run chaos -- --help',
  });
}
