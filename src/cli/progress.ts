/**
 * Progress of something that takes more than a moment: a spinner with the current step on a terminal, a plain line per
 * step otherwise, nothing with --quiet. It writes to standard error, so that data on standard output stays clean.
 */
import type { CommandContext, CommonOptions } from './command.ts';
import { painter } from './style.ts';

export interface Progress extends Disposable {
  /** Names the step that runs now; the one before is done. */
  step(text: string): void;
  /** Changes the words of the running step (a counter); a plain log does not repeat it. */
  update(text: string): void;
  /** A line of its own, above the spinner. */
  note(text: string): void;
  /** Ends the running step as done (with other words if given) and stops the spinner. */
  done(text?: string): void;
  /** Ends the running step as failed and stops the spinner. */
  fail(text?: string): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
const CLEAR_LINE = '\r\u001b[2K';

/** Starts with no step; `using progress = startProgress(context, options)` stops the spinner however the block ends. */
export function startProgress(context: CommandContext, options: CommonOptions = {}): Progress {
  if (options.quiet === true) return silent;
  return context.terminal.interactive ? spinner(context) : lines(context);
}

const silent: Progress = {
  step() {},
  update() {},
  note() {},
  done() {},
  fail() {},
  [Symbol.dispose]() {},
};

function lines(context: CommandContext): Progress {
  let current: string | undefined;
  const end = (word: string, text: string | undefined): void => {
    const label = text ?? current;
    if (label !== undefined) context.writeNote(`${word} ${label}\n`);
    current = undefined;
  };
  return {
    step(text) {
      current = text;
      context.writeNote(`${text} …\n`);
    },
    update(text) {
      current = text;
    },
    note: (text) => context.writeNote(`${text}\n`),
    done: (text) => end('done:', text),
    fail: (text) => end('failed:', text),
    [Symbol.dispose]() {},
  };
}

function spinner(context: CommandContext): Progress {
  const colour = painter(context.terminal);
  let current: string | undefined;
  let frame = 0;
  let startedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    if (current === undefined) return;
    const seconds = Math.floor((Date.now() - startedMs) / 1000);
    const tail = seconds >= 2 ? ` ${seconds} s` : '';
    const text = current.slice(0, Math.max(context.terminal.columns - tail.length - 4, 10));
    context.writeNote(
      `${CLEAR_LINE}${colour('cyan', FRAMES[frame % FRAMES.length] ?? '')} ${text}${colour('dim', tail)}`,
    );
    frame += 1;
  };
  const end = (mark: string, text: string | undefined): void => {
    clearInterval(timer);
    timer = undefined;
    const label = text ?? current;
    if (label !== undefined) context.writeNote(`${CLEAR_LINE}${mark} ${label}\n`);
    current = undefined;
  };
  return {
    step(text) {
      if (current !== undefined) end(colour('green', '✔'), undefined);
      current = text;
      startedMs = Date.now();
      timer ??= setInterval(draw, FRAME_MS);
      draw();
    },
    update(text) {
      current = text;
    },
    note(text) {
      context.writeNote(`${current === undefined ? '' : CLEAR_LINE}${text}\n`);
      draw();
    },
    done: (text) => end(colour('green', '✔'), text),
    fail: (text) => end(colour('red', '✘'), text),
    [Symbol.dispose]() {
      clearInterval(timer);
      timer = undefined;
      if (current !== undefined) context.writeNote(`${CLEAR_LINE}${current}: stopped\n`);
      current = undefined;
    },
  };
}
