/**
 * Firewall events: wakes a listener when a rule, chain or table of nftables changes that concerns us; iptables-nft writes
 * nftables, so its changes are announced too. Those of iptables-legacy are not: the kernel has no event for them.
 */

import { loadNative, type Native } from '#netlink/native.ts';
import { MessageReader } from '#netlink/reader.ts';
import { Fault } from '#runtime/fault.ts';
import { IPTABLES_PLACES } from './iptables-rules.ts';
import { NFT_TABLES } from './nft-table.ts';

/** linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h. */
const NETLINK_NETFILTER = 12;
const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG = { newTable: 0, deleteTable: 2, newChain: 3, deleteChain: 5, newRule: 6, deleteRule: 8 } as const;
const GENERIC_HEADER = 4;
/** The end of a transaction, with NFTA_GEN_PROC_PID and NFTA_GEN_PROC_NAME. */
const NFT_MSG_NEWGEN = 15;
const GENERATION = { pid: 2, name: 3 };
const MOST_CHARACTERS = 32;
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE and NFTA_RULE_TABLE are one number. */
const TABLE_NAME = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_RULE_CHAIN = 2;

const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** Never waited for: notifications are read when they are there. */
const RECEIVE_TIMEOUT_MS = 1_000;
const DATAGRAM_BYTES = 32 * 1024;
/** The loop goes on after this many notifications; the rest wakes it again. */
const MOST_AT_ONCE = 1024;

const OWN_TABLES = new Set(Object.values(NFT_TABLES).map((name) => name.split(' ')[1] ?? ''));
/** The chains of each iptables table that we look at. A large kube-proxy writes the others every few seconds. */
const CHAINS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.values(IPTABLES_PLACES).map(({ table, hook, chain }) => [table, new Set([hook, chain])]),
);

/**
 * Calls `listener` once per turn of the event loop at most; `by` is the program whose transaction was the first that concerns
 * us, where the kernel tells. Fault `kernel.netlink` when the kernel has no such events. `concerns` says which notifications of
 * nftables are of interest; default are those about tables and chains that we write.
 */
export function watchNftables(
  listener: (by: string | undefined) => void,
  namespace?: string,
  concerns: Concerns = concernsUs,
): () => void {
  const native = loadNative();
  const fd = openSocket(native, namespace);
  const buffer = Buffer.allocUnsafeSlow(DATAGRAM_BYTES);
  let open = true;
  const close = (): void => {
    if (open) native.close(fd);
    open = false;
  };
  try {
    native.joinGroup(fd, NFNLGRP_NFTABLES);
    const hear = (): void => {
      const heard = readAll(native, fd, buffer, concerns);
      if (heard.changed) listener(heard.by);
    };
    native.poll(fd, hear, false);
  } catch (cause) {
    close();
    throw noEvents(cause);
  }
  return close;
}

/** Whether a notification about a table, chain or rule is of interest. */
type Concerns = (message: MessageReader) => boolean;

/** What notifications have told so far; a transaction's causer comes at its end. */
export interface HeardFirewall {
  /** One of them is about a table or chain that we look at. */
  changed: boolean;
  by: string | undefined;
}

export function lookThrough(message: MessageReader, heard: HeardFirewall, concerns: Concerns = concernsUs): void {
  while (message.next()) {
    if (message.type >> 8 !== NFNL_SUBSYS_NFTABLES) continue;
    if ((message.type & 0xff) === NFT_MSG_NEWGEN) {
      if (heard.changed) heard.by ??= causerOf(message);
    } else heard.changed ||= concerns(message);
  }
}

function causerOf(message: MessageReader): string | undefined {
  let pid: number | undefined;
  let name: string | undefined;
  const attributes = message.attributes(GENERIC_HEADER);
  while (attributes.next()) {
    // Unlike other numbers, those of nftables are big endian, as an address is.
    if (attributes.type === GENERATION.pid) pid = attributes.ipv4();
    if (attributes.type === GENERATION.name) name = attributes.text();
  }
  if (pid === undefined || name === undefined) return undefined;
  // A process chooses its name itself.
  return `${name.replaceAll(/[^\x20-\x7e]/g, '').slice(0, MOST_CHARACTERS)} (pid ${pid})`;
}

function concernsUs(message: MessageReader): boolean {
  switch (message.type & 0xff) {
    case NFT_MSG.newTable:
    case NFT_MSG.deleteTable: {
      const [table] = names(message, TABLE_NAME);
      return OWN_TABLES.has(table) || CHAINS.has(table);
    }
    case NFT_MSG.newChain:
    case NFT_MSG.deleteChain:
      return isOurChain(names(message, NFTA_CHAIN_NAME));
    case NFT_MSG.newRule:
    case NFT_MSG.deleteRule:
      return isOurChain(names(message, NFTA_RULE_CHAIN));
    default:
      return false;
  }
}

function isOurChain([table, chain]: readonly [string, string]): boolean {
  return OWN_TABLES.has(table) || CHAINS.get(table)?.has(chain) === true;
}

function names(message: MessageReader, chainType: number): readonly [table: string, chain: string] {
  let [table, chain] = ['', ''];
  const attributes = message.attributes(GENERIC_HEADER);
  while (attributes.next()) {
    if (attributes.type === TABLE_NAME) table = attributes.text();
    if (attributes.type === chainType) chain = attributes.text();
  }
  return [table, chain];
}

function readAll(native: Native, fd: number, buffer: Buffer, concerns: Concerns): HeardFirewall {
  const heard: HeardFirewall = { changed: false, by: undefined };
  for (let left = MOST_AT_ONCE; left > 0; left--) {
    const length = receive(native, fd, buffer);
    if (length === 0) break;
    if (length > buffer.length) heard.changed = true;
    else if (!heard.changed || heard.by === undefined) tryLookThrough(buffer, length, heard, concerns);
  }
  return heard;
}

/** A length beyond every buffer when the kernel dropped notifications. */
function receive(native: Native, fd: number, buffer: Buffer): number {
  try {
    return native.receive(fd, buffer, false);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOBUFS') return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** A notification that cannot be read counts as a change: whoever listens reads the rules again. */
function tryLookThrough(buffer: Buffer, length: number, heard: HeardFirewall, concerns: Concerns): void {
  try {
    lookThrough(new MessageReader(buffer, length), heard, concerns);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    heard.changed = true;
  }
}

function openSocket(native: Native, namespace: string | undefined): number {
  const open = (): number => native.openNetlink(NETLINK_NETFILTER, RECEIVE_BUFFER_BYTES, RECEIVE_TIMEOUT_MS);
  try {
    return namespace === undefined ? open() : native.inNamespace(namespace, open);
  } catch (cause) {
    throw noEvents(cause);
  }
}

/** The Fault for a system call that failed; any other error as it is. */
function noEvents(cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause;
  const what = 'the kernel does not announce changes of the firewall';
  return new Fault('kernel.netlink', { what, why: cause.message, cause });
}
