/** What stands on bridges: their ports, the MACs learned behind each, and queueing disciplines. Lists only. */
import type { Mac } from '#model/mac.ts';
import {
  AF_BRIDGE,
  AF_UNSPEC,
  NDA_LLADDR,
  NLM_F_DUMP,
  NUD_PERMANENT,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
} from './message.ts';
import type { NetlinkSocket } from './socket.ts';

const LINK_HEADER = 16;
const NEIGHBOR_HEADER = 12;
const QDISC_HEADER = 20;
const IFLA_MASTER = 10;
const IFLA_LINK_NETNSID = 37;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 8;
const NDA_MASTER = 9;
const RTM_NEWQDISC = 36;
const RTM_GETQDISC = 38;
const TCA_KIND = 1;

/** A link that belongs to another (a bridge, a bond). */
export interface EnslavedLink {
  readonly index: number;
  readonly master: number;
  /** Whether its other end is in another network namespace. */
  readonly leadsElsewhere: boolean;
}

/** A MAC that a bridge has behind one of its ports. */
export interface LearnedMac {
  readonly port: number;
  readonly mac: Mac;
}

export interface Qdisc {
  readonly linkIndex: number;
  /** `noqueue`, `tbf`, `ingress`, `clsact`, … */
  readonly kind: string;
}

export function dumpEnslavedLinks(socket: NetlinkSocket): EnslavedLink[] {
  return socket.dump(
    (writer) => {
      writer.begin(RTM_GETLINK, NLM_F_DUMP);
      writer.u8(AF_UNSPEC);
      writer.u8(0);
      writer.u16(0);
      for (let word = 0; word < 3; word += 1) writer.u32(0);
      writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
      writer.end();
    },
    (message) => {
      if (message.type !== RTM_NEWLINK) return undefined;
      let master = 0;
      let leadsElsewhere = false;
      const attributes = message.attributes(LINK_HEADER);
      while (attributes.next()) {
        if (attributes.type === IFLA_MASTER) master = attributes.u32();
        else if (attributes.type === IFLA_LINK_NETNSID) leadsElsewhere = true;
      }
      return master === 0 ? undefined : { index: message.u32(4), master, leadsElsewhere };
    },
  );
}

/** `bridge fdb show br …` without the ports' own MACs. */
export function dumpLearnedMacs(socket: NetlinkSocket, bridge: number): LearnedMac[] {
  return socket.dump(
    (writer) => {
      writer.begin(RTM_GETNEIGH, NLM_F_DUMP);
      writer.u8(AF_BRIDGE);
      writer.u8(0);
      writer.u16(0);
      for (let word = 0; word < 2; word += 1) writer.u32(0);
      writer.attributeU32(NDA_MASTER, bridge);
      writer.end();
    },
    (message) => {
      if (message.type !== RTM_NEWNEIGH || message.u8(0) !== AF_BRIDGE) return undefined;
      if ((message.u16(8) & NUD_PERMANENT) !== 0) return undefined;
      let mac: Mac | undefined;
      let master = 0;
      const attributes = message.attributes(NEIGHBOR_HEADER);
      while (attributes.next()) {
        if (attributes.type === NDA_LLADDR) mac = attributes.mac();
        else if (attributes.type === NDA_MASTER) master = attributes.u32();
      }
      return mac === undefined || master !== bridge ? undefined : { port: message.u32(4), mac };
    },
  );
}

/** `tc qdisc show`. */
export function dumpQdiscs(socket: NetlinkSocket): Qdisc[] {
  return socket.dump(
    (writer) => {
      writer.begin(RTM_GETQDISC, NLM_F_DUMP);
      for (let word = 0; word < QDISC_HEADER / 4; word += 1) writer.u32(0);
      writer.end();
    },
    (message) => {
      if (message.type !== RTM_NEWQDISC) return undefined;
      const attributes = message.attributes(QDISC_HEADER);
      while (attributes.next()) {
        if (attributes.type === TCA_KIND) return { linkIndex: message.u32(4), kind: attributes.text() };
      }
      return undefined;
    },
  );
}
