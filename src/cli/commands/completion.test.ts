import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { CommandBuilder } from '#cli/command.ts';
import { TestOperator } from '#cli/test-context.ts';
import { completionCommand } from './completion.ts';
import { leaseCommand } from './lease.ts';
import { networkCommand } from './network.ts';

const BUILDERS: readonly CommandBuilder[] = [networkCommand, leaseCommand, completionCommand];

async function script(shell: string): Promise<string> {
  const { code, out } = await new TestOperator(BUILDERS).run(`completion ${shell}`);
  assert.equal(code, 0);
  return out;
}

/** What bash offers for the last word of a line. */
async function offered(line: string): Promise<readonly string[]> {
  const words = line.split(' ');
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _weft; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const text = execFileSync('bash', ['--norc', '-c', `${await script('bash')}\n${ask}`], {
    cwd: '/',
    encoding: 'utf8',
  });
  return text.split('\n').filter((word) => word !== '');
}

test('bash completes commands, their words and their flags', async () => {
  assert.deepEqual(await offered('weft n'), ['network']);
  assert.deepEqual(await offered('weft lease re'), ['reserve', 'release']);
  assert.deepEqual(await offered('weft lease reserve --pub'), ['--public-ip']);
  assert.deepEqual(await offered('weft completion '), ['bash', 'zsh', 'fish', '--quiet', '--help']);
});

test('bash completes the values of a flag', async () => {
  assert.deepEqual(await offered('weft lease list -o '), ['table', 'wide', 'json', 'yaml']);
  assert.deepEqual(await offered('weft lease list --output j'), ['json']);
});

test('the value of a flag before is not taken for a command', async () => {
  assert.deepEqual(await offered('weft lease --etcd-prefix list sh'), ['show']);
});

test('bash offers files where a file is meant', async () => {
  assert((await offered('weft network check et')).includes('etc'));
  assert((await offered('weft lease list --etcd-cafile et')).includes('etc'));
});

test('zsh and fish get every command with its summary', async () => {
  const [zsh, fish] = [await script('zsh'), await script('fish')];
  assert.match(zsh, /'lease'\) items=\( 'list:all leases, reservations and unusable records'/);
  assert.match(
    fish,
    /complete -c weft -f -n '__weft_at \\'lease\\'' -a 'list' -d 'all leases, reservations and unusable records'/,
  );
  assert.match(fish, /complete -c weft -n '__weft_at \\'lease list\\'' -s o -l output -x -a 'table wide json yaml'/);
});

test('a shell that there is no script for is wrong usage', async () => {
  assert.equal((await new TestOperator(BUILDERS).run('completion csh')).code, 2);
});
