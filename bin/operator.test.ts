/** What holds for every command there is. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { allCommands, buildProgram, commandPath } from '#cli/main.ts';
import { testContext } from '#cli/test-context.ts';
import { COMMANDS } from './operator.ts';

const program = buildProgram(testContext().context, COMMANDS);
const commands = allCommands(program);

test('the commands are there, in this order', () => {
  assert.deepEqual(
    program.commands.map((command) => command.name()),
    [
      'status',
      'network',
      'lease',
      'certs',
      'cni',
      'docker',
      'docker-opts',
      'init',
      'lab',
      'completion',
      'version',
      'help',
    ],
  );
});

suite('every command', () => {
  for (const command of commands) {
    const path = commandPath(command);
    test(`${path} has a summary and two examples of itself`, () => {
      assert.notEqual(command.description(), '');
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      const examples = help.slice(help.indexOf('\nExamples:\n')).split('\n').slice(2, 4);
      for (const example of examples) assert(example.includes('weft '), `${path}: ${example}`);
      const words = path.split(' ').slice(0, -1).join(' ');
      for (const example of examples) assert(example.includes(words), `${path}: ${example}`);
    });

    if (command.commands.length === 0) {
      test(`${path} has --quiet, and every option says what it is`, () => {
        assert(command.options.some((option) => option.long === '--quiet'));
        for (const option of command.options) assert.notEqual(option.description, '', option.flags);
      });
    }
  }
});

test('-o has the same values wherever data is printed as a table', () => {
  for (const command of commands) {
    const output = command.options.find((option) => option.long === '--output');
    if (output === undefined || output.argChoices?.includes('text')) continue;
    assert.deepEqual(output.argChoices, ['table', 'wide', 'json', 'yaml'], commandPath(command));
  }
});
