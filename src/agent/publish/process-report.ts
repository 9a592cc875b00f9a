/** What the process itself is and uses. */
import { COMMIT, VERSION } from '#runtime/version.ts';
import type { AgentReport } from './status-report.ts';

export function processReport(): AgentReport {
  const uptimeSeconds = process.uptime();
  const { user, system } = process.cpuUsage();
  return {
    version: VERSION,
    commit: COMMIT,
    pid: process.pid,
    startedAt: new Date(Date.now() - uptimeSeconds * 1000).toISOString(),
    uptimeSeconds: Math.round(uptimeSeconds),
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
  };
}
