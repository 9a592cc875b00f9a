/** A plan of three machines with everything in it fixed, for tests. */
import { parseIpv4Cidr } from '#model/cidr.ts';
import { type MachinePlan, planMachines } from './machine-set.ts';

export function testPlan(name = 'blue', count = 3): MachinePlan {
  const subnet = parseIpv4Cidr('10.78.0.0/16');
  if (subnet === undefined) throw new Error('10.78.0.0/16 is a network');
  let calls = 0;
  const newId = (): string => {
    calls += 1;
    return String(calls).padStart(2, '0').repeat(16);
  };
  const request = { name, count, packages: [], internet: false };
  return planMachines(request, subnet, '/var/cache/weft/machines/base', newId);
}
