/**
 * Memory of a program that stays for months. V8's flags are set from inside, after the start: given on the command line they
 * would make V8 refuse the code cache that Node was built with, which costs 10 ms (docs/decisions/0002).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

/** Makes V8 grow its heap slowly and give it back early. Call it once, before the work begins. */
export function preferSmallMemory(): void {
  setFlagsFromString('--memory-saver-mode');
}

/** Collects all garbage now and gives the pages back: after a large piece of work, when it is quiet. Takes some 10 ms. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (isCollect(collect)) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function isCollect(value: unknown): value is Collect {
  return typeof value === 'function';
}
