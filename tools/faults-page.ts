/** docs/faults.md: every fault code, from the table in src/runtime/fault-table.ts. Run it to write the page anew. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS, type FaultEntry } from '#runtime/fault-table.ts';

export const FAULTS_PAGE = join(import.meta.dirname, '../docs/faults.md');

const EXIT_MEANING: Readonly<Record<FaultEntry['exit'], string>> = {
  1: '1 finding or failure',
  2: '2 wrong usage',
  3: '3 cannot reach what it needs',
};

/** The page as Markdown: a table per group of codes. */
export function renderFaultsPage(faults: Readonly<Record<string, FaultEntry>>): string {
  const groups = Map.groupBy(Object.entries(faults), ([code]) => code.split('.')[0] ?? '');
  const sections = [...groups].map(([group, entries]) => {
    const rows = entries.map(([code, entry]) => {
      return `| \`${code}\` | ${cell(entry.title)} | ${cell(entry.remedy)} | ${EXIT_MEANING[entry.exit]} |`;
    });
    return [`## ${group}`, '', '| Code | What happened | What to do | Exit code |', '|---|---|---|---|', ...rows].join(
      '\n',
    );
  });
  return `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
}

const INTRODUCTION = `# Fault codes

Generated from \`src/runtime/fault-table.ts\` by \`tools/faults-page.ts\`; a test holds the two together.

Every operating error has a code that never changes, so scripts may match on it. It is the last line of the message
on standard error, and \`error.code\` in the JSON that \`-o json\` prints there. The remedy of a message is often more
precise than the general one below.`;

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

if (import.meta.main) writeFileSync(FAULTS_PAGE, renderFaultsPage(FAULTS));
