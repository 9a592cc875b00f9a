/** How a Fault is shown on standard error: words for people, one JSON object for programs. */
import type { Fault } from '#runtime/fault.ts';
import type { Terminal } from './command.ts';
import { painter } from './style.ts';

export function formatFault(fault: Fault, json: boolean, terminal: Terminal): string {
  if (!json) return `${fault.toString().replace(/^error:/, painter(terminal)('red', 'error:'))}\n`;
  const { code, message, where, why, remedy } = fault;
  return `${JSON.stringify({ error: { code, message, where, why, remedy } })}\n`;
}
