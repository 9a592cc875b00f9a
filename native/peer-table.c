/* Open addressing, at most half full; the multiplier is drawn per table, so that nobody chooses subnets that collide. */
#include "peer-table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct slot {
  uint32_t network, host;
  uint8_t length; /* EMPTY: nothing here */
};

enum { EMPTY = 255 };

struct peer_table {
  uint64_t multiplier;
  uint32_t mask;
  unsigned shift;
  unsigned lengths;
  uint8_t length[33]; /* in use, the longest first */
  struct slot *subnets;
  uint32_t *hosts; /* 0: nothing here */
};

static uint32_t mask_of(unsigned length) { return length == 0 ? 0 : UINT32_MAX << (32 - length); }

static uint32_t place(const struct peer_table *table, uint32_t network, unsigned length) {
  return (uint32_t)(((uint64_t)length << 32 | network) * table->multiplier >> table->shift);
}

static void add_subnet(struct peer_table *table, struct slot peer) {
  uint32_t at = place(table, peer.network, peer.length);
  struct slot *slot = &table->subnets[at];
  while (slot->length != EMPTY && (slot->length != peer.length || slot->network != peer.network))
    slot = &table->subnets[++at & table->mask];
  *slot = peer;
}

static void add_host(struct peer_table *table, uint32_t host) {
  uint32_t at = place(table, host, 0);
  while (table->hosts[at & table->mask] != 0 && table->hosts[at & table->mask] != host) at++;
  table->hosts[at & table->mask] = host;
}

struct peer_table *peer_table_make(const uint8_t *records, size_t count) {
  struct peer_table *table = calloc(1, sizeof *table);
  if (table == NULL) return NULL;
  unsigned bits = 4;
  while ((size_t)1 << bits < 2 * count) bits++;
  table->mask = (uint32_t)(((uint64_t)1 << bits) - 1);
  table->shift = 64 - bits;
  if (getrandom(&table->multiplier, sizeof table->multiplier, GRND_NONBLOCK) < 0) table->multiplier = (uintptr_t)table;
  table->multiplier |= 1;
  table->subnets = malloc(((size_t)table->mask + 1) * sizeof *table->subnets);
  table->hosts = calloc((size_t)table->mask + 1, sizeof *table->hosts);
  if (table->subnets == NULL || table->hosts == NULL) {
    peer_table_free(table);
    errno = ENOMEM;
    return NULL;
  }
  for (size_t at = 0; at <= table->mask; at++) table->subnets[at].length = EMPTY;
  bool used[33] = {false};
  for (size_t at = 0; at < count; at++, records += PEER_RECORD) {
    struct slot peer;
    memcpy(&peer.network, records, 4);
    memcpy(&peer.host, records + 4, 4);
    peer.length = records[8];
    if (peer.length > 32) {
      peer_table_free(table);
      errno = EINVAL;
      return NULL;
    }
    peer.network = ntohl(peer.network) & mask_of(peer.length);
    used[peer.length] = true;
    add_subnet(table, peer);
    add_host(table, peer.host);
  }
  for (int length = 32; length >= 0; length--)
    if (used[length]) table->length[table->lengths++] = (uint8_t)length;
  return table;
}

void peer_table_free(struct peer_table *table) {
  if (table == NULL) return;
  free(table->subnets);
  free(table->hosts);
  free(table);
}

bool peer_table_find(const struct peer_table *table, uint32_t destination, uint32_t *host) {
  uint32_t address = ntohl(destination);
  for (unsigned index = 0; index < table->lengths; index++) {
    unsigned length = table->length[index];
    uint32_t network = address & mask_of(length), at = place(table, network, length);
    for (const struct slot *slot = &table->subnets[at]; slot->length != EMPTY; slot = &table->subnets[++at & table->mask]) {
      if (slot->network != network || slot->length != length) continue;
      *host = slot->host;
      return true;
    }
  }
  return false;
}

bool peer_table_has_host(const struct peer_table *table, uint32_t host) {
  if (host == 0) return false;
  for (uint32_t at = place(table, host, 0); table->hosts[at & table->mask] != 0; at++)
    if (table->hosts[at & table->mask] == host) return true;
  return false;
}
