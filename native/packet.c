/* The ICMP errors of the forwarder (RFC 792, RFC 1122). */
#include "packet.h"

enum { PROTOCOL_ICMP = 1, ICMP_ECHO_REQUEST = 8 };
/** As flannel's. */
enum { ICMP_ERROR_TTL = 8 };

bool may_answer(const uint8_t *packet, size_t length) {
  bool later_fragment = (packet[6] & 0x1f) != 0 || packet[7] != 0;
  size_t header = (size_t)(packet[0] & 15) * 4;
  uint8_t first = packet[12], target = packet[16];
  if (later_fragment || length < header || first == 0 || first == 127 || first >= 224 || target >= 224) return false;
  return packet[9] != PROTOCOL_ICMP || (length > header && packet[header] == ICMP_ECHO_REQUEST);
}

static void put_checksum(uint8_t *field, const uint8_t *data, size_t length) {
  uint32_t sum = 0;
  for (size_t at = 0; at < length; at++) sum += at % 2 == 0 ? (uint32_t)data[at] << 8 : data[at];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  field[0] = (uint8_t)(~sum >> 8);
  field[1] = (uint8_t)~sum;
}

size_t write_icmp_error(uint8_t *out, uint8_t type, uint32_t source, const uint8_t *offender, size_t length) {
  size_t quoted = (size_t)(offender[0] & 15) * 4 + 8;
  if (quoted > length) quoted = length;
  size_t total = IPV4_HEADER + 8 + quoted;
  memset(out, 0, IPV4_HEADER + 8);
  out[0] = 0x45;
  out[1] = 0xc0; /* internetwork control, as routers send it */
  out[2] = (uint8_t)(total >> 8);
  out[3] = (uint8_t)total;
  out[8] = ICMP_ERROR_TTL;
  out[9] = PROTOCOL_ICMP;
  memcpy(out + 12, &source, sizeof source);
  memcpy(out + 16, offender + 12, sizeof source);
  put_checksum(out + 10, out, IPV4_HEADER);
  uint8_t *icmp = out + IPV4_HEADER;
  icmp[0] = type;
  memcpy(icmp + 8, offender, quoted);
  put_checksum(icmp + 2, icmp, 8 + quoted);
  return total;
}
