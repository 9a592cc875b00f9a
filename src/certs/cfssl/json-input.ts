/** A JSON file of the operator's, read so that each problem can be told with its line and column, all of them at once. */
import { isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml';
import { nearestWord } from '#cli/nearest-word.ts';
import { foldName } from '#model/json-document.ts';

export interface InputProblem {
  readonly file: string;
  /** Both count from 1; absent where no position can be told. */
  readonly line?: number;
  readonly column?: number;
  /** What is wrong with which field and value. */
  readonly text: string;
}

/** `etcd-csr.json:4:5: hosts: …` */
export function formatInputProblem({ file, line, column, text }: InputProblem): string {
  return `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`}: ${text}`;
}

/** One value of the file. `path` is how messages name it: `signing.profiles.kubernetes.expiry`. */
export interface Field {
  readonly path: string;
  readonly node: ParsedNode | null;
  /** Where to point when there is no value. */
  readonly offset: number;
}

/** Reads one file; whatever is wrong is collected in `problems`, and undefined stands for a value that cannot be used. */
export class JsonInput {
  readonly root: Field | undefined;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #problems: InputProblem[];

  constructor(file: string, text: string, problems: InputProblem[]) {
    this.#file = file;
    this.#problems = problems;
    const syntax = syntaxProblem(file, text);
    if (syntax !== undefined) {
      problems.push(syntax);
      return;
    }
    const document = parseDocument(text, { lineCounter: this.#lines, schema: 'json' });
    for (const error of document.errors) this.#at(error.pos[0], error.message.split(' at line')[0] ?? error.code);
    this.root = { path: '', node: document.contents, offset: 0 };
  }

  problem(field: Field, text: string): undefined {
    this.#at(field.offset, field.path === '' ? text : `${field.path}: ${text}`);
    return undefined;
  }

  /**
   * The members of an object by their known names (letters in any case, as Go reads them). An unknown one is a problem with
   * the nearest known name; one of `refused` is a problem with the reason given there.
   */
  members<Name extends string>(
    field: Field,
    known: readonly Name[],
    refused: Readonly<Record<string, string>> = {},
  ): ReadonlyMap<Name, Field> {
    const found = new Map<Name, Field>();
    for (const member of this.entries(field)) {
      const [name, value] = member;
      const match = known.find((candidate) => foldName(candidate) === foldName(name));
      const reason = Object.entries(refused).find(([candidate]) => foldName(candidate) === foldName(name))?.[1];
      if (match !== undefined) found.set(match, value);
      else if (reason !== undefined) this.problem(value, reason);
      else this.problem(value, `unknown name${suggestion(name, known)}`);
    }
    return found;
  }

  /** All members of an object with their names as written. */
  entries(field: Field): readonly (readonly [name: string, value: Field])[] {
    if (!isMap(field.node)) {
      this.problem(field, `must be an object, is ${describe(field.node)}`);
      return [];
    }
    return field.node.items.map(({ key, value }) => {
      const name = String(isScalar(key) ? key.value : key);
      const path = field.path === '' ? name : `${field.path}.${name}`;
      return [name, { path, node: value, offset: key.range[0] }];
    });
  }

  /** `null` counts as an empty list, as Go reads it. */
  list(field: Field): readonly Field[] {
    if (isScalar(field.node) && field.node.value === null) return [];
    if (!isSeq(field.node)) {
      this.problem(field, `must be a list, is ${describe(field.node)}`);
      return [];
    }
    return field.node.items.map((node, at) => ({ path: `${field.path}[${at}]`, node, offset: node.range[0] }));
  }

  string(field: Field): string | undefined {
    const value = isScalar(field.node) ? field.node.value : undefined;
    return typeof value === 'string' ? value : this.problem(field, `must be a string, is ${describe(field.node)}`);
  }

  integer(field: Field): number | undefined {
    const value = isScalar(field.node) ? field.node.value : undefined;
    return typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : this.problem(field, `must be a whole number, is ${describe(field.node)}`);
  }

  #at(offset: number, text: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#problems.push({ file: this.#file, line, column: col, text });
  }
}

/** ` (did you mean "hosts"?)`, or nothing when no word is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return near === undefined ? '' : ` (did you mean ${JSON.stringify(near)}?)`;
}

function describe(node: Node | null): string {
  if (isMap(node)) return 'an object';
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? JSON.stringify(node.value) : 'missing';
}

/** JSON.parse is the judge of what is JSON. */
function syntaxProblem(file: string, text: string): InputProblem | undefined {
  const message = parseError(text);
  if (message === undefined) return undefined;
  const [, what = message, at] = /^(.*?)(?: in JSON)? at position (\d+)/s.exec(message) ?? [];
  const offset = at !== undefined ? Number(at) : UNEXPECTED.test(message) ? unexpectedToken(text) : text.length;
  const before = text.slice(0, offset).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  return { file, line: before.length, column, text: `not JSON: ${what.split(', ')[0] ?? what}` };
}

const UNEXPECTED = /^Unexpected token /;

/** Of this error JSON.parse does not tell the place: it is the end of the shortest beginning that has the error too. */
function unexpectedToken(text: string): number {
  let [low, high] = [0, text.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (UNEXPECTED.test(parseError(text.slice(0, middle)) ?? '')) high = middle;
    else low = middle;
  }
  return low;
}

function parseError(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
