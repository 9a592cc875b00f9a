/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only (the kernel lends conntrack look-ups to GPL programs alone) */
/*
 * The fast path: two programs at the tc ingress hook (tcx). `from_pod` stands on the host's side of a Pod's veth and sends
 * what is for a Pod of another host straight out of the VXLAN device; `from_tunnel` stands on the VXLAN device and puts what
 * is for a Pod of this host straight into its network namespace. Bridge, netfilter and FORWARD are skipped.
 *
 * Whatever is not plainly that goes on along the ordinary path, untouched: only IPv4 TCP and UDP, without options and
 * fragments, from a Pod's own address, addressed to its gateway's MAC, with TTL left, small enough for the tunnel. A packet
 * of a connection that conntrack knows goes the ordinary way too: it may be translated (service addresses, published ports),
 * and what the ordinary path has begun it also ends. So a connection has one path for as long as both sides know the Pod.
 *
 * The routes are the kernel's own (bpf_fib_lookup): there is no second copy of them that could be wrong.
 * Built by `make -C native bpf`; src/bpf/ loads it, src/agent/fast-path/ fills the maps.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <stddef.h>

#define SECTION(name) __attribute__((section(name), used))
#define AF_INET 2
#define PACKET_HOST 0
#define PASS (-1) /* TCX_NEXT: the next program at the hook, then the ordinary path */
#define FRAGMENT 0xff3f /* in network order: more fragments follow, or this is not the first */
#define NETWORK_16(value) ((__u16)__builtin_bswap16(value))

/* What the loader makes a map of; its name is the symbol's. */
struct map_definition {
  __u32 type, key_size, value_size, entries;
};

/* Addresses are in network order. */
struct fabric {
  __u32 network, network_mask, subnet, subnet_mask;
  __u32 tunnel; /* index of the VXLAN device */
};

/* A Pod of this host, by its address. */
struct endpoint {
  __u32 port, bridge; /* indexes of the host's side of its veth, and of the bridge that holds it */
  __u8 pod_mac[ETH_ALEN], bridge_mac[ETH_ALEN];
};

enum counter { SENT_PACKETS, SENT_BYTES, RECEIVED_PACKETS, RECEIVED_BYTES, TRACKED_PACKETS, COUNTERS };

SECTION("maps") struct map_definition fabric_map = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct fabric), 1};
SECTION("maps") struct map_definition pods = {BPF_MAP_TYPE_HASH, sizeof(__u32), sizeof(struct endpoint), 4096};
SECTION("maps") struct map_definition counters = {BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(__u64), COUNTERS};

static void *(*const map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const fib_lookup)(void *ctx, struct bpf_fib_lookup *params, int size, __u32 flags) =
    (void *)BPF_FUNC_fib_lookup;
static long (*const check_mtu)(void *ctx, __u32 device, __u32 *mtu, __s32 difference, __u64 flags) =
    (void *)BPF_FUNC_check_mtu;
static long (*const redirect)(__u32 device, __u64 flags) = (void *)BPF_FUNC_redirect;
static long (*const redirect_peer)(__u32 device, __u64 flags) = (void *)BPF_FUNC_redirect_peer;

/* Functions of the kernel's own (net/netfilter/nf_conntrack_bpf.c), found by name in its type information. */
struct nf_conn;
struct ct_options {
  __s32 namespace, error;
  __u8 protocol, direction, reserved[2];
};
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple_size,
                                         struct ct_options *options, __u32 options_size);
extern void bpf_ct_release(struct nf_conn *connection);

#define NO_SUCH_CONNECTION (-2) /* -ENOENT */

/* Both headers behind the Ethernet header, as far as they are looked at. */
struct headers {
  struct ethhdr *ethernet;
  struct iphdr *ip;
  __u16 *ports;
};

static __attribute__((always_inline)) void count(__u32 counter, __u64 amount) {
  __u64 *value = map_lookup(&counters, &counter);
  if (value) *value += amount;
}

static __attribute__((always_inline)) int is_candidate(struct __sk_buff *skb, struct headers *headers) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct ethhdr *ethernet = data;
  struct iphdr *ip = (void *)(ethernet + 1);
  __u16 *ports = (void *)(ip + 1);
  if ((void *)(ports + 2) > end || ethernet->h_proto != NETWORK_16(ETH_P_IP)) return 0;
  if (ip->version != 4 || ip->ihl != 5 || (ip->frag_off & FRAGMENT) != 0 || ip->ttl <= 1) return 0;
  if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) return 0;
  *headers = (struct headers){ethernet, ip, ports};
  return 1;
}

/* Whether an address is a Pod's of another host, or that host's own on the tunnel. */
static __attribute__((always_inline)) int is_remote(const struct fabric *fabric, __u32 address) {
  return (address & fabric->network_mask) == fabric->network && (address & fabric->subnet_mask) != fabric->subnet;
}

/* Whether conntrack knows the connection, in either direction; also when it cannot say. */
static __attribute__((always_inline)) int is_tracked(struct __sk_buff *skb, const struct headers *headers) {
  struct ct_options options = {.namespace = -1, .protocol = headers->ip->protocol};
  struct bpf_sock_tuple tuple = {};
  tuple.ipv4.saddr = headers->ip->saddr;
  tuple.ipv4.daddr = headers->ip->daddr;
  tuple.ipv4.sport = headers->ports[0];
  tuple.ipv4.dport = headers->ports[1];
  struct nf_conn *connection = bpf_skb_ct_lookup(skb, &tuple, sizeof tuple.ipv4, &options, sizeof options);
  if (connection) {
    bpf_ct_release(connection);
    count(TRACKED_PACKETS, 1);
    return 1;
  }
  return options.error != NO_SUCH_CONNECTION;
}

/* As a router does. One off the TTL is 0x0100 off a word of the header, so that much onto its checksum (RFC 1624). */
static __attribute__((always_inline)) void take_hop(struct iphdr *ip) {
  __u32 sum = ip->check + NETWORK_16(0x0100);
  ip->check = (__u16)(sum + (sum >= 0xffff));
  ip->ttl--;
}

static __attribute__((always_inline)) int same_mac(const __u8 *a, const __u8 *b) {
  __u8 difference = 0;
  for (int at = 0; at < ETH_ALEN; at++) difference |= a[at] ^ b[at];
  return difference == 0;
}

SECTION("tc/from_pod") int from_pod(struct __sk_buff *skb) {
  struct headers headers;
  __u32 zero = 0;
  if (!is_candidate(skb, &headers)) return PASS;
  struct iphdr *ip = headers.ip;
  const struct fabric *fabric = map_lookup(&fabric_map, &zero);
  if (!fabric || !is_remote(fabric, ip->daddr)) return PASS;
  __u32 source = ip->saddr;
  const struct endpoint *pod = map_lookup(&pods, &source);
  if (!pod || pod->port != skb->ifindex || !same_mac(headers.ethernet->h_dest, pod->bridge_mac)) return PASS;
  if (is_tracked(skb, &headers)) return PASS;

  struct bpf_fib_lookup route = {.family = AF_INET, .ifindex = pod->bridge, .l4_protocol = ip->protocol, .tos = ip->tos};
  route.ipv4_src = ip->saddr;
  route.ipv4_dst = ip->daddr;
  /* Also refuses a packet that is longer than the device carries; one that will be cut up is measured by its pieces. */
  if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS || route.ifindex != fabric->tunnel) return PASS;
  __u32 mtu = 0;
  if (skb->gso_size != 0 && check_mtu(skb, route.ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) != 0) return PASS;

  take_hop(ip);
  __builtin_memcpy(headers.ethernet->h_dest, route.dmac, ETH_ALEN);
  __builtin_memcpy(headers.ethernet->h_source, route.smac, ETH_ALEN);
  count(SENT_PACKETS, 1);
  count(SENT_BYTES, skb->len);
  return redirect(route.ifindex, 0);
}

SECTION("tc/from_tunnel") int from_tunnel(struct __sk_buff *skb) {
  struct headers headers;
  __u32 zero = 0;
  if (skb->pkt_type != PACKET_HOST || !is_candidate(skb, &headers)) return PASS;
  struct iphdr *ip = headers.ip;
  const struct fabric *fabric = map_lookup(&fabric_map, &zero);
  if (!fabric || !is_remote(fabric, ip->saddr)) return PASS;
  __u32 destination = ip->daddr;
  const struct endpoint *pod = map_lookup(&pods, &destination);
  if (!pod || is_tracked(skb, &headers)) return PASS;

  take_hop(ip);
  __builtin_memcpy(headers.ethernet->h_dest, pod->pod_mac, ETH_ALEN);
  __builtin_memcpy(headers.ethernet->h_source, pod->bridge_mac, ETH_ALEN);
  count(RECEIVED_PACKETS, 1);
  count(RECEIVED_BYTES, skb->len);
  return redirect_peer(pod->port, 0);
}

SECTION("license") const char program_license[] = "GPL";
/* By this a test sees that the object was built of this very text. */
SECTION("source") const char source_digest[] = SOURCE_DIGEST;
