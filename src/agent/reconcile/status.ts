/** What the service manager is told, from all that is known. Pure. */
import { statusText } from '#agent/publish/status-text.ts';
import { formatCidr } from '#model/ip.ts';
import { isUnanswered } from './cache-state.ts';
import type { CoreState } from './state.ts';

export function statusOf(state: CoreState): string {
  const { own, admitted, settings, cache, departed } = state;
  const fromCache = isUnanswered(cache);
  const lostAt = fromCache ? cache.startedAt : state.storeLostAt;
  const subnets = own === undefined ? [] : [own.subnet.ipv4, own.subnet.ipv6].filter((each) => each !== undefined);
  const troubled = [state.load, state.choose, state.open, state.pass, state.acquire, state.renew, state.firewall];
  return statusText({
    subnets: subnets.map(formatCidr),
    peers: admitted.length,
    store:
      lostAt === undefined
        ? { connected: true }
        : { connected: false, since: lostAt + settings.wallOffsetMs, fromCache },
    held:
      departed.heldSince === undefined
        ? undefined
        : { peers: departed.heldCount, since: departed.heldSince + settings.wallOffsetMs },
    fault: troubled.some(({ failures }) => failures > 0) ? state.lastFault : undefined,
  });
}
