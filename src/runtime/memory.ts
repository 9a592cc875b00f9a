/**
 * Memory of a program that stays for months. The collector is called from inside: a flag on the command line
 * that lets JavaScript call it would make V8 refuse the code cache that Node was built with, which costs 10 ms
 * (docs/decisions/0002).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

/**
 * Collects all garbage now and gives the pages back: after a large piece of work, when it is quiet. From then on V8 collects
 * early and in small portions: a burst of changes is not held up by one large collection (its flags are ours to set only
 * now, see above).
 */
export function collectGarbage(): void {
  setFlagsFromString('--memory-saver-mode');
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (isCollect(collect)) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function isCollect(value: unknown): value is Collect {
  return typeof value === 'function';
}
