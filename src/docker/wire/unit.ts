/** Units of systemd as their files say they are: the file, then its drop-ins, later settings over earlier ones. Pure. */
import { parseEnvironmentFile } from '#docker/environment-file.ts';

export interface UnitFile {
  readonly path: string;
  readonly text: string;
}

/** A unit on disk. */
export interface Unit {
  /** `docker.service` */
  readonly name: string;
  /** The unit's own file first, drop-ins in the order in which systemd reads them. */
  readonly files: readonly UnitFile[];
}

/** The values of a setting that are in force: an empty one throws away all before it. */
export function unitValues({ files }: Unit, key: string): readonly string[] {
  const values: string[] = [];
  for (const { text } of files) {
    for (const [name, value] of settings(text)) {
      if (name !== key) continue;
      if (value === '') values.length = 0;
      else values.push(value);
    }
  }
  return values;
}

/** The words of settings that are lists, such as After=. */
export function unitWords(unit: Unit, key: string): readonly string[] {
  return unitValues(unit, key).flatMap((value) => value.split(/\s+/));
}

/** The unit without the file at that path. */
export function withoutFile(unit: Unit, path: string): Unit {
  return { ...unit, files: unit.files.filter((file) => file.path !== path) };
}

/** Paths of its EnvironmentFile= settings, without the dash that lets them be absent. */
export function environmentFiles(unit: Unit): readonly string[] {
  return unitValues(unit, 'EnvironmentFile').map((value) => value.replace(/^-/, ''));
}

/** Whether a command line takes over the words of a variable. */
export function usesVariable(commandLine: string, name: string): boolean {
  return new RegExp(`(?:^|\\s)\\$(?:${name}|\\{${name}\\})(?:\\s|$)`).test(commandLine);
}

/**
 * The words that a command line comes to with the variables of the unit's files, as far as they are known. Quotes stay: it
 * is for finding options, not for running it.
 */
export function expandedWords(unit: Unit, commandLine: string, texts: ReadonlyMap<string, string>): readonly string[] {
  const variables = new Map(environmentFiles(unit).flatMap((path) => [...parseEnvironmentFile(texts.get(path) ?? '')]));
  const expanded = commandLine.replaceAll(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_, braced, bare) => {
    return variables.get(braced ?? bare) ?? '';
  });
  return expanded.split(/\s+/).filter((word) => word !== '');
}

/** `Key=value` in order; a line that ends with a backslash goes on in the next one, comments in between left out. */
function settings(text: string): readonly (readonly [name: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  let pending = '';
  for (const line of text.split('\n')) {
    if (/^\s*[#;]/.test(line)) continue;
    const whole = pending + line;
    pending = /\\\s*$/.test(line) ? whole.replace(/\\\s*$/, ' ') : '';
    if (pending !== '') continue;
    const match = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(whole);
    if (match !== null) found.push([match[1] ?? '', match[2] ?? '']);
  }
  return found;
}
