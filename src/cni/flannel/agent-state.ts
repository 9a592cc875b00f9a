/** Why there is no subnet file: the agent's own words, asked only when it is missing. */
import { askAgent } from '#agent/control/ask-agent.ts';
import { CONTROL_SOCKET_VARIABLE, DEFAULT_CONTROL_SOCKET } from '#agent/control/protocol.ts';
import { objectMember } from '#cni/protocol/configuration.ts';
import { errorText } from '#cni/protocol/error.ts';
import type { Environment } from '#cni/protocol/request.ts';
import { isJsonObject } from '#model/json-document.ts';

/** A container waits for it meanwhile. */
const TIMEOUT_MS = 2000;

/** One line; never throws. */
export async function agentState(environment: Environment): Promise<string> {
  const socket = environment[CONTROL_SOCKET_VARIABLE] || DEFAULT_CONTROL_SOCKET;
  try {
    const report = await askAgent({ socket, method: 'status', timeoutMs: TIMEOUT_MS });
    const verdict = isJsonObject(report) ? objectMember(report, 'verdict') : undefined;
    const words = [verdict?.['text'], verdict?.['remedy']].filter((text) => typeof text === 'string');
    return words.length === 0 ? 'the agent runs' : `agent: ${words.join('; ')}`;
  } catch (error) {
    return `agent: ${errorText(error)} (${socket}); start it: systemctl start weftd (or flanneld)`;
  }
}
