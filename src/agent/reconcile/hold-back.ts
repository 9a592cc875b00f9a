/** Leaves alone what another program fights over, until its time has come (fights.ts). Pure. */
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import { objectDevice, objectKind, objectName } from '#agent/kernel/object-name.ts';
import type { Observed, Operation } from '#agent/kernel/state.ts';
import { MOST_OBJECTS, PLURALS } from './drift-text.ts';
import { type Fights, isHeld, manyOf } from './fights.ts';

/** Collects the objects that were left alone. */
export class HoldBack {
  readonly held = new Set<string>();
  readonly #fights: Fights;
  readonly #now: number;

  constructor(fights: Fights, now: number) {
    this.#fights = fights;
    this.#now = now;
  }

  /** The operations that may be done now. */
  allowed(operations: readonly Operation[]): readonly Operation[] {
    if (this.#fights.size === 0) return operations;
    const counts = new Map<string, number>();
    for (const operation of operations) {
      const kind = objectKind(operation);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return operations.filter((operation) => {
      const kind = objectKind(operation);
      const many = manyOf(PLURALS[kind]);
      if ((counts.get(kind) ?? 0) > MOST_OBJECTS && this.#isHeld(many)) return false;
      return !this.#isHeld(objectName(operation));
    });
  }

  /** Of the operations on entries: those whose device can take them although it is left alone itself. */
  standing(operations: readonly Operation[], observed: Observed): readonly Operation[] {
    if (this.held.size === 0) return operations;
    return operations.filter((operation) => {
      const device = objectDevice(operation);
      if (device === undefined || isDeviceOperation(operation) || !this.held.has(`device ${device}`)) return true;
      return observed.links.some(({ name, up }) => name === device && up);
    });
  }

  #isHeld(object: string): boolean {
    if (!isHeld(this.#fights, object, this.#now)) return false;
    this.held.add(object);
    return true;
  }
}
