/** All that is wrong with a network document: its own rules and those of its backend, whichever fail. */
import { openBackend } from '#agent/backends/registry.ts';
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { type ConfigProblem, type NetworkConfig, parseNetworkConfig } from '#model/network-config.ts';

export type CheckedDocument = { readonly config: NetworkConfig } | { readonly problems: readonly ConfigProblem[] };

export function checkDocument(text: string): CheckedDocument {
  const parsed = parseNetworkConfig(text);
  const problems = [...('problems' in parsed ? parsed.problems : []), ...backendProblems(text, parsed)];
  return 'config' in parsed && problems.length === 0 ? parsed : { problems };
}

/** The Backend judged by itself, so that its faults show together with those of the rest. */
function backendProblems(text: string, whole: CheckedDocument): readonly ConfigProblem[] {
  // With a document that is right otherwise it is judged with its families.
  if ('config' in whole) {
    const opened = openBackend(whole.config);
    return 'problems' in opened ? opened.problems : [];
  }
  const backend = backendOf(text);
  const alone = parseNetworkConfig(
    JSON.stringify({ Network: '10.0.0.0/8', ...(backend !== undefined && { Backend: backend }) }),
  );
  // Its shape is wrong, or the whole text is no JSON: that has been said already.
  if ('problems' in alone) return [];
  const opened = openBackend(alone.config);
  return 'problems' in opened ? opened.problems : [];
}

function backendOf(text: string): Json | undefined {
  try {
    const document: Json = JSON.parse(text);
    return isJsonObject(document) ? memberOf(document, 'backend') : undefined;
  } catch {
    // No JSON, so there is no backend to judge: an array in its place is refused without a word of its own.
    return [];
  }
}
