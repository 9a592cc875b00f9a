/**
 * Reads a file of variables, such as the subnet file, that shell scripts source and systemd loads. It never expands or
 * runs anything: `$(…)` in a value stays those characters.
 */
import { Fault } from '#runtime/fault.ts';

const MOST_CHARACTERS = 64 * 1024;
const ASSIGNMENT = /[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*/y;
/** What a backslash escapes inside double quotes; before anything else it stands for itself. */
const ESCAPED_IN_QUOTES = '"\\$`';

/**
 * The variables by name; the last of a name counts. Quotes, backslashes, comments and `export` are read as a shell reads
 * them, an unquoted value goes to the end of its line, and a line that assigns nothing is passed over. Throws Fault
 * `docker.subnet-file`.
 */
export function parseEnvironmentFile(text: string): ReadonlyMap<string, string> {
  if (text.length > MOST_CHARACTERS) {
    throw new Fault('docker.subnet-file', { what: `more than ${MOST_CHARACTERS} characters are no subnet file` });
  }
  const variables = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    ASSIGNMENT.lastIndex = at;
    const name = ASSIGNMENT.exec(text)?.[1];
    if (name === undefined) {
      at = lineEnd(text, at) + 1;
      continue;
    }
    const { value, end } = readValue(text, ASSIGNMENT.lastIndex, name);
    variables.set(name, value);
    at = end + 1;
  }
  return variables;
}

/** The value that begins at `start`, and where its line ends. Blanks at its end are not part of it, unless quoted. */
function readValue(text: string, start: number, name: string): { readonly value: string; readonly end: number } {
  let value = '';
  let blanks = '';
  let at = start;
  while (at < text.length && text[at] !== '\n') {
    const character = text[at] ?? '';
    if (character === '#' && (blanks !== '' || at === start)) return { value, end: lineEnd(text, at) };
    if (/[ \t\r]/.test(character)) {
      blanks += character;
      at += 1;
      continue;
    }
    const piece = readPiece(text, at, name);
    value += blanks + piece.value;
    blanks = '';
    at = piece.end;
  }
  return { value, end: at };
}

/** A quoted part, an escaped character, or a plain one. */
function readPiece(text: string, at: number, name: string): { readonly value: string; readonly end: number } {
  const character = text[at] ?? '';
  if (character === '\\') return { value: (text[at + 1] ?? '').replace('\n', ''), end: at + 2 };
  if (character !== "'" && character !== '"') return { value: character, end: at + 1 };
  let value = '';
  for (let next = at + 1; next < text.length; next += 1) {
    const inner = text[next] ?? '';
    if (inner === character) return { value, end: next + 1 };
    const following = text[next + 1] ?? '';
    if (character === '"' && inner === '\\' && following !== '' && `${ESCAPED_IN_QUOTES}\n`.includes(following)) {
      value += following.replace('\n', '');
      next += 1;
    } else value += inner;
  }
  throw new Fault('docker.subnet-file', { what: `the quote in the value of ${name} is never closed` });
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
