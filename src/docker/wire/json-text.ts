/**
 * A JSON object as the text it stands in: where each member is, so that one can be changed and all other characters stay.
 * Strict, as docker reads its file; what is wrong is said with line and column. Pure.
 */
import { Fault } from '#runtime/fault.ts';

export interface JsonMember {
  readonly name: string;
  /** Offsets: the name's first quote, the value's first character, and the one after its last. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
  readonly value: unknown;
}

export interface JsonObjectText {
  readonly text: string;
  readonly members: readonly JsonMember[];
  /** Offsets of the braces. */
  readonly open: number;
  readonly close: number;
}

const BLANKS = /[ \t\r\n]*/y;
// From the blank on, which leaves out the control characters.
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const DEEPEST = 200;

/** The object that the text is. Fault `docker.daemon-json` names `path`, line and column. */
export function readJsonObject(text: string, path: string): JsonObjectText {
  const reader = new Reader(text, path);
  const open = reader.skipBlanks(0);
  const { members, end } = reader.readObject(open, 0);
  const rest = reader.skipBlanks(end);
  if (rest < text.length) throw reader.fault(rest, 'there is something after the end of the object');
  return { text, members, open, close: end - 1 };
}

class Reader {
  readonly #text: string;
  readonly #path: string;

  constructor(text: string, path: string) {
    this.#text = text;
    this.#path = path;
  }

  fault(at: number, what: string): Fault {
    const before = this.#text.slice(0, at).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    return new Fault('docker.daemon-json', { what, where: `${this.#path}, line ${before.length}, column ${column}` });
  }

  skipBlanks(at: number): number {
    BLANKS.lastIndex = at;
    BLANKS.test(this.#text);
    return BLANKS.lastIndex;
  }

  readObject(at: number, depth: number): { readonly members: readonly JsonMember[]; readonly end: number } {
    if (this.#text[at] !== '{') throw this.#unexpected(at, 'an object, which begins with {');
    const members: JsonMember[] = [];
    for (let next = this.skipBlanks(at + 1); ; next = this.skipBlanks(next + 1)) {
      if (this.#text[next] === '}' && members.length === 0) return { members, end: next + 1 };
      const member = this.#readMember(next, depth);
      const twice = members.some(({ name }) => name === member.name);
      if (twice) throw this.fault(next, `${JSON.stringify(member.name)} stands there a second time`);
      members.push(member);
      next = this.skipBlanks(member.end);
      if (this.#text[next] === '}') return { members, end: next + 1 };
      if (this.#text[next] !== ',') throw this.#unexpected(next, 'a comma or }');
    }
  }

  #readMember(start: number, depth: number): JsonMember {
    const nameEnd = this.#match(STRING, start, 'a name in double quotes');
    const name: string = JSON.parse(this.#text.slice(start, nameEnd));
    const colon = this.skipBlanks(nameEnd);
    if (this.#text[colon] !== ':') throw this.#unexpected(colon, `a colon after ${JSON.stringify(name)}`);
    const valueStart = this.skipBlanks(colon + 1);
    const end = this.#skipValue(valueStart, depth + 1);
    return { name, start, valueStart, end, value: JSON.parse(this.#text.slice(valueStart, end)) };
  }

  #skipValue(at: number, depth: number): number {
    if (depth > DEEPEST) throw this.fault(at, `objects and lists stand more than ${DEEPEST} deep in each other`);
    if (this.#text[at] === '{') return this.readObject(at, depth).end;
    if (this.#text[at] === '[') return this.#skipList(at, depth);
    return this.#match(this.#text[at] === '"' ? STRING : SCALAR, at, 'a value');
  }

  #skipList(at: number, depth: number): number {
    let next = this.skipBlanks(at + 1);
    if (this.#text[next] === ']') return next + 1;
    for (;;) {
      next = this.skipBlanks(this.#skipValue(next, depth + 1));
      if (this.#text[next] === ']') return next + 1;
      if (this.#text[next] !== ',') throw this.#unexpected(next, 'a comma or ]');
      next = this.skipBlanks(next + 1);
    }
  }

  #match(pattern: RegExp, at: number, wanted: string): number {
    pattern.lastIndex = at;
    if (!pattern.test(this.#text)) throw this.#unexpected(at, wanted);
    return pattern.lastIndex;
  }

  #unexpected(at: number, wanted: string): Fault {
    const found = this.#text[at];
    const what = found === undefined ? 'the file ends' : `${JSON.stringify(found)} stands`;
    return this.fault(at, `${what} where ${wanted} should be`);
  }
}
