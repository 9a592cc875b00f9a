/*
 * IPv4 packets in memory: what the forwarder changes in them and the ICMP messages it answers with. A packet stands at any
 * address, aligned or not, and comes from the network: nothing here reads past the length given.
 */
#ifndef WEFT_PACKET_H
#define WEFT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { IPV4_HEADER = 20, IPV4_LONGEST_HEADER = 60, LARGEST_PACKET = 65535 };
enum { ICMP_UNREACHABLE = 3, ICMP_TIME_EXCEEDED = 11 };
/** IPv4 header, ICMP header, the offender's header with the eight bytes behind it. */
enum { ICMP_LONGEST = IPV4_HEADER + 8 + IPV4_LONGEST_HEADER + 8 };

static inline bool is_ipv4(const uint8_t *packet, size_t length) {
  return length >= IPV4_HEADER && packet[0] >> 4 == 4 && (packet[0] & 15) >= 5;
}

/** Source and destination in network order. */
static inline uint32_t packet_source(const uint8_t *packet) {
  uint32_t address;
  memcpy(&address, packet + 12, sizeof address);
  return address;
}

static inline uint32_t packet_destination(const uint8_t *packet) {
  uint32_t address;
  memcpy(&address, packet + 16, sizeof address);
  return address;
}

/** Takes one from the TTL and corrects the checksum (RFC 1624); false, and nothing is changed, when it would become 0. */
static inline bool decrement_ttl(uint8_t *packet) {
  if (packet[8] <= 1) return false;
  packet[8] -= 1;
  uint32_t sum = ((uint32_t)packet[10] << 8 | packet[11]) + 0x0100;
  sum += sum >> 16;
  packet[10] = (uint8_t)(sum >> 8);
  packet[11] = (uint8_t)sum;
  return true;
}

/** Whether RFC 1122 §3.2.2 allows an ICMP error about this packet. */
bool may_answer(const uint8_t *packet, size_t length);

/**
 * Writes an ICMP error of that type, code 0, about `offender` to `out`, which has room for ICMP_LONGEST; gives its length.
 * `source` is in network order.
 */
size_t write_icmp_error(uint8_t *out, uint8_t type, uint32_t source, const uint8_t *offender, size_t length);

#endif
