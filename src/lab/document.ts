/** The network document that the options of `weft lab up` stand for. Pure. */
import { formatIpv4Cidr, type Ipv4Cidr, maskIpv4Cidr } from '#model/cidr.ts';
import { formatIpv6Cidr, type Ipv6Cidr, maskIpv6Cidr } from '#model/ipv6.ts';

export interface DocumentShape {
  /** Networks of the Pods; at least one of the two. */
  readonly ipv4?: Ipv4Cidr;
  readonly ipv6?: Ipv6Cidr;
  readonly backend: string;
  readonly directRouting?: boolean;
  readonly nftables?: boolean;
}

/** As an operator would write it: nothing in it but what differs from the defaults. */
export function networkDocument(shape: DocumentShape): string {
  const { ipv4, ipv6 } = shape;
  return JSON.stringify({
    ...(ipv4 === undefined ? { EnableIPv4: false } : { Network: formatIpv4Cidr(maskIpv4Cidr(ipv4)) }),
    ...(ipv6 !== undefined && { EnableIPv6: true, IPv6Network: formatIpv6Cidr(maskIpv6Cidr(ipv6)) }),
    ...(shape.nftables === true && { EnableNFTables: true }),
    Backend: { Type: shape.backend, ...(shape.directRouting === true && { DirectRouting: true }) },
  });
}
