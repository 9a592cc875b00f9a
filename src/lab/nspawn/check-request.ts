/** Whether the machines that are asked for can be had: all that is wrong is said at once. Pure. */
import { LAB_NAME } from '#lab/state.ts';
import { Fault } from '#runtime/fault.ts';
import { PACKAGE_NAME } from './base-recipe.ts';
import { type MachineRequest, MOST_MACHINES } from './machine-set.ts';

/** Fault `usage.flag` that names everything that is wrong with it. */
export function checkRequest(request: MachineRequest): void {
  const problems: string[] = [];
  if (!LAB_NAME.test(request.name)) {
    problems.push(`--name ${JSON.stringify(request.name)} is not 1 to 32 lower-case letters, digits and inner dashes`);
  }
  if (!Number.isInteger(request.count) || request.count < 1 || request.count > MOST_MACHINES) {
    problems.push(`${request.count} is not a number of machines from 1 to ${MOST_MACHINES}`);
  }
  for (const name of request.packages.filter((each) => !PACKAGE_NAME.test(each))) {
    problems.push(`--packages: ${JSON.stringify(name)} is not the name of a Debian package`);
  }
  if (problems.length > 0) throw new Fault('usage.flag', { what: problems.join('; ') });
}
