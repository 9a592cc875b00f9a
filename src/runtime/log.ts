/**
 * Log: one key=value line per decision, on standard error. Under systemd (JOURNAL_STREAM set) a line starts with the
 * syslog priority that the journal understands and leaves out the time, which the journal adds.
 *
 * Library folders never log; the programs (agent, lab) do.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const PRIORITY: Record<LogLevel, number> = { debug: 7, info: 6, warn: 4, error: 3 };

export interface LogOptions {
  readonly verbose: boolean;
  readonly journal: boolean;
  readonly write: (line: string) => void;
  readonly now: () => number;
}

export function createLog(options: LogOptions): Log {
  const line = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (level === 'debug' && !options.verbose) return;
    const head = options.journal ? `<${PRIORITY[level]}>` : `${new Date(options.now()).toISOString()} `;
    options.write(`${head}level=${level} msg=${quote(message)}${formatFields(fields)}\n`);
  };
  return {
    debug: (message, fields) => line('debug', message, fields),
    info: (message, fields) => line('info', message, fields),
    warn: (message, fields) => line('warn', message, fields),
    error: (message, fields) => line('error', message, fields),
  };
}

function formatFields(fields: LogFields): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) text += ` ${key}=${quote(String(value))}`;
  }
  return text;
}

/** A value may be somebody else's text: a record in etcd is 16 KB at most, and a line is to be read. */
const LONGEST_VALUE = 400;

function quote(whole: string): string {
  const value = whole.length > LONGEST_VALUE ? `${whole.slice(0, LONGEST_VALUE)}… (${whole.length} characters)` : whole;
  return /^[\w./:@,+&-]+$/.test(value) ? value : JSON.stringify(value).replace(INVISIBLE, escapeCode);
}

/** What JSON leaves as it is although a terminal obeys it or a reader is deceived by it: C1 controls, line ends, directions. */
const INVISIBLE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function escapeCode(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
