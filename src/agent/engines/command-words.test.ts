import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandWords, shellCharacters } from './command-words.ts';

const VARIABLES: Readonly<Record<string, string>> = {
  SUBNET: '10.5.1.0/24',
  SPACED: 'two words',
  NASTY: '$(reboot); `reboot`',
  _x1: 'under',
  '1': 'one',
};

function words(text: string): readonly string[] {
  return commandWords(text, (name) => VARIABLES[name] ?? '');
}

const CASES: readonly (readonly [text: string, words: readonly string[]])[] = [
  ['ip route add $SUBNET', ['ip', 'route', 'add', '10.5.1.0/24']],
  ['  a\t b\n\u00a0c  ', ['a', 'b', 'c']],
  ['', []],
  [`x=\${SUBNET}y $SUBNETy`, ['x=10.5.1.0/24y', '']],
  ['$SPACED', ['two words']],
  ['$NASTY', ['$(reboot); `reboot`']],
  ['echo "a b" \'c\'', ['echo', '"a', 'b"', "'c'"]],
  ['a; b && c | d > e', ['a;', 'b', '&&', 'c', '|', 'd', '>', 'e']],
  ['$_x1-$1$2', ['under-one']],
  // As os.Expand: a dollar before nothing stays, broken braces are eaten.
  ['$ a$ 5$% $.', ['$', 'a$', '5$%', '$.']],
  [`a\${}b \${SUBNET`, ['ab', 'SUBNET']],
  [`\${1}\${*}$$x`, ['onex']],
  [`\${not set}`, ['not', 'set}']],
];

for (const [text, expected] of CASES) {
  test(`${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(words(text), expected);
  });
}

test('what only a shell understands is found', () => {
  assert.equal(shellCharacters(`ip route add $SUBNET via \${PUBLIC_IP}`), undefined);
  assert.equal(shellCharacters('a; b "c" | d'), '; " |');
  assert.equal(shellCharacters('a && $(b)'), '&& $(');
});
