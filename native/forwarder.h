/*
 * The data path of flannel's udp backend: inner IPv4 packets between a TUN device and UDP datagrams, one packet in each
 * datagram and nothing else. A thread of its own moves them; who holds a forwarder only gives it tables and reads counters.
 */
#ifndef WEFT_FORWARDER_H
#define WEFT_FORWARDER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct forwarder;

#define FORWARDER_COUNTERS(COUNTER)                                      \
  COUNTER(sentPackets)      /* TUN to network, handed to the kernel */   \
  COUNTER(sentBytes)        /* of inner packets */                       \
  COUNTER(receivedPackets)  /* network to TUN, handed to the kernel */   \
  COUNTER(receivedBytes)    /* of inner packets */                       \
  COUNTER(noPeer)           /* no subnet holds the destination */        \
  COUNTER(expired)          /* TTL at its end, either direction */       \
  COUNTER(malformed)        /* received, and no IPv4 packet */           \
  COUNTER(oversize)         /* received longer than the MTU, delivered */ \
  COUNTER(unknownSource)    /* received from no peer's host */           \
  COUNTER(sendFailed)       /* the network refused it */                 \
  COUNTER(deliverFailed)    /* the TUN device refused it */              \
  COUNTER(icmpErrors)       /* ICMP errors sent back */                  \
  COUNTER(lastSendError)    /* errno of the last sendFailed, else 0 */

struct forwarder_counters {
#define COUNTER(name) uint64_t name;
  FORWARDER_COUNTERS(COUNTER)
#undef COUNTER
};

struct forwarder_options {
  /** Such as `flannel%d`; the kernel fills in the number. */
  const char *pattern;
  /** Where to receive, network order. */
  uint32_t address;
  /** Of this host and of every peer, host order. */
  uint16_t port;
  /** Drops what comes from no peer's host, which flannel takes. */
  bool only_peers;
};

/**
 * Opens device and socket in the current network namespace and starts; NULL, with errno and the name of the system call,
 * when that fails. The device goes when the forwarder does.
 */
struct forwarder *forwarder_open(const struct forwarder_options *options, const char **failed);

const char *forwarder_device(const struct forwarder *forwarder);

/** A descriptor that becomes readable when the thread ends by itself, since the device or the socket is gone. */
int forwarder_ended(const struct forwarder *forwarder);

/** errno of that end, ENODEV when somebody deleted the device; 0 while the thread runs. */
int forwarder_end_error(struct forwarder *forwarder);

/**
 * From the next batch on: the peers, the source of ICMP errors (network order, 0: send none) and the MTU of the device.
 * False, with errno, when the table cannot be made.
 */
bool forwarder_set_peers(struct forwarder *forwarder, uint32_t source, uint16_t mtu, const uint8_t *records, size_t count);

void forwarder_read_counters(struct forwarder *forwarder, struct forwarder_counters *counters);

/** Ends the thread, closes device and socket. */
void forwarder_close(struct forwarder *forwarder);

#endif
