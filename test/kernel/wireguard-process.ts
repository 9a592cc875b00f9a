/** A process that configures WireGuard as an agent does, and is killed by a test: options on its command line as JSON. */
import assert from 'node:assert/strict';
import { openWireguardEngine } from '#agent/engines/wireguard-engine.ts';
import { systemClock } from '#runtime/clock.ts';
import { createLog } from '#runtime/log.ts';

const log = createLog({ verbose: false, journal: false, now: Date.now, write: (line) => process.stderr.write(line) });
const { keyFile, directory, namespace, wanted } = JSON.parse(process.argv[2] ?? '');
const engine = await openWireguardEngine({ keyFile, directory, namespace, kernel: false, clock: systemClock, log });
assert.equal(wanted.type, 'wireguard');
process.stdout.write(`${await engine.converge(wanted)}\n`);
setInterval(() => {}, 60_000);
