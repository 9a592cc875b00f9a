/** The settings that tests start an agent with: flanneld's defaults, no sweep, nothing left by chance. */
import type { CoreSettings } from './state.ts';

/** @param more What a test wants otherwise. */
export function testSettings(more: Partial<CoreSettings> = {}): CoreSettings {
  return {
    interfaces: [],
    interfacePatterns: [],
    canReach: undefined,
    publicIp: undefined,
    publicIpv6: undefined,
    blackhole: false,
    renewMarginMs: 3_600_000,
    withdraw: { graceMs: 3000, limitPercent: 30, holdMs: 3_600_000 },
    traffic: { masquerade: false, forward: true, fullyRandom: true, compatNft: false },
    former: [],
    wallOffsetMs: 0,
    previous: undefined,
    randomMacs: { ipv4: '0e:00:00:00:00:01', ipv6: '0e:00:00:00:00:02' },
    spread: 0.5,
    sweepMs: 0,
    manageSysctls: true,
    ...more,
  };
}
