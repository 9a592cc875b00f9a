import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE } from './faults/catalogue.ts';
import { chaosHelp, parseChaosCommand } from './options.ts';

test('without a flag: five minutes, four hosts, a seed by chance, and every fault', () => {
  const { seed, minutes, hosts, faults, json } = parseChaosCommand([]);
  assert.deepEqual({ seed, minutes, hosts, json }, { seed: undefined, minutes: 5, hosts: 4, json: false });
  assert.equal(faults, CATALOGUE);
});

test('every flag is read', () => {
  const words = '--seed 7 --minutes 0.5 --hosts 5 --faults cable-cut,agent-kill -o json'.split(' ');
  const { seed, minutes, hosts, faults, json } = parseChaosCommand(words);
  assert.deepEqual({ seed, minutes, hosts, json }, { seed: 7, minutes: 0.5, hosts: 5, json: true });
  assert.deepEqual(
    faults.map(({ name }) => name),
    ['agent-kill', 'cable-cut'],
  );
  assert.equal(parseChaosCommand(['--once']).minutes, undefined);
});

test('all that is wrong is said at once', () => {
  const words = '--seed x --minutes 0 --hosts 2 -o yaml'.split(' ');
  assert.throws(() => parseChaosCommand(words), {
    code: 'usage.flag',
    message:
      '--seed "x" is not a whole number from 0; --minutes "0" is not a number above 0; ' +
      '--hosts "2" is not a number from 3 to 12; --output "yaml" is neither table nor json',
  });
  assert.throws(() => parseChaosCommand(['--sed', '1']), { code: 'usage.flag', message: /--sed/ });
  assert.throws(() => parseChaosCommand(['--seed=']), { code: 'usage.flag' });
});

test('a misspelt fault is answered with the nearest', () => {
  assert.throws(() => parseChaosCommand(['--faults', 'agent-kil']), { why: 'did you mean agent-kill?' });
});

test('the help lists every fault', () => {
  const help = chaosHelp();
  for (const { name, summary } of CATALOGUE) assert(help.includes(`${summary}\n`), name);
});

test('no two faults have one name', () => {
  assert.equal(new Set(CATALOGUE.map(({ name }) => name)).size, CATALOGUE.length);
});
