/**
 * Addresses and the MAC that the runtime asks for by itself: in CNI_ARGS (`IP=`, `MAC=`), in `args.cni` and in `runtimeConfig`,
 * with the rules of libcni and the meaning that host-local and bridge give them. Pure.
 */
import {
  type Configuration,
  type JsonObject,
  listMember,
  objectMember,
  textMember,
} from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniRequest } from '#cni/protocol/request.ts';
import { type Ip, parseCidr, parseIp } from '#model/ip.ts';
import { type Mac, parseMac } from '#model/mac.ts';

export interface StaticAddressing {
  /** Each must be given by one of the range sets; without one for a set, the next free address is taken. */
  readonly addresses: readonly Ip[];
  /** Of the container's interface; undefined: any. */
  readonly mac: Mac | undefined;
}

/** Throws CniError 4 for CNI_ARGS, 6 and 7 for the configuration, 2 for what cannot be done. */
export function readStaticAddressing({ args, config }: Pick<CniRequest, 'args' | 'config'>): StaticAddressing {
  const known = readArgs(args);
  const { conventional, runtime } = staticMembers(config);
  const ip = known.get('IP') ?? '';
  const mac = known.get('MAC') ?? '';
  // What is said last counts, as bridge has it.
  const macText = [runtime, conventional].map((from) => textMember(from, 'mac') ?? '').find((text) => text !== '');
  return {
    addresses: [
      ...(ip === '' ? [] : [readAddress(ip, badArgs)]),
      ...[conventional, runtime].flatMap((from) => readAddresses(from)),
    ],
    mac: macText === undefined ? readMac(mac, badArgs) : readMac(macText, badConfiguration),
  };
}

/** The values of the names that we know. Others are refused, unless IgnoreUnknown says that they are for somebody else. */
function readArgs(args: string): ReadonlyMap<string, string> {
  const pairs = args === '' ? [] : args.split(';').map(readPair);
  const known = new Map(pairs.filter(([name]) => KNOWN.includes(name)));
  const unknown = pairs.filter(([name]) => !KNOWN.includes(name)).map(([name]) => name);
  if (unknown.length > 0 && !isTrue(known.get('IgnoreUnknown') ?? '0')) {
    throw badArgs(
      `unknown args [${unknown.join(' ').slice(0, 200)}]`,
      'a runtime that gives them to every plugin adds IgnoreUnknown=1',
    );
  }
  isTrue(known.get('IgnoreUnknown') ?? '0');
  if ((known.get('GATEWAY') ?? '') !== '') {
    throw new CniError(
      CNI_CODES.unsupportedField,
      'CNI_ARGS: the plugin weft takes no GATEWAY',
      'the gateway of a container is the one of its range: ipam.ranges has it',
    );
  }
  return known;
}

const KNOWN: readonly string[] = ['IgnoreUnknown', 'IP', 'MAC', 'GATEWAY'];

function readPair(pair: string): readonly [string, string] {
  const [name = '', value, ...more] = pair.split('=');
  if (value === undefined || more.length > 0) throw badArgs(`invalid pair ${JSON.stringify(pair.slice(0, 80))}`);
  return [name, value];
}

function isTrue(text: string): boolean {
  const value = text.toLowerCase();
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  throw badArgs(`IgnoreUnknown is ${JSON.stringify(text.slice(0, 80))}, which is neither true nor false`);
}

function staticMembers({ members }: Configuration): {
  readonly conventional: JsonObject;
  readonly runtime: JsonObject;
} {
  const args = objectMember(members, 'args') ?? {};
  return { conventional: objectMember(args, 'cni') ?? {}, runtime: objectMember(members, 'runtimeconfig') ?? {} };
}

function readAddresses(from: JsonObject): readonly Ip[] {
  return (listMember(from, 'ips') ?? []).map((item) => readAddress(item, badConfiguration));
}

type Refuse = (message: string) => CniError;

/** A prefix length may stand behind it and says nothing: the range has one. */
function readAddress(value: unknown, refuse: Refuse): Ip {
  const address = typeof value === 'string' ? (parseIp(value) ?? parseCidr(value)?.address) : undefined;
  if (address !== undefined) return address;
  throw refuse(`IP ${JSON.stringify(value).slice(0, 80)} is no address`);
}

function readMac(text: string, refuse: Refuse): Mac | undefined {
  const mac = parseMac(text.replaceAll('-', ':'));
  if (mac === undefined && text !== '')
    throw refuse(`MAC ${JSON.stringify(text.slice(0, 80))} is no address of one interface`);
  return mac;
}

function badArgs(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.invalidEnvironment, `CNI_ARGS: ${message}`, details);
}

function badConfiguration(message: string): CniError {
  return new CniError(CNI_CODES.invalidConfiguration, message);
}
