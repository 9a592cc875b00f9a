/*
 * Which host an inner address lies behind: longest prefix first, one hash lookup per prefix length in use. A table never
 * changes: a new state is a new table.
 */
#ifndef WEFT_PEER_TABLE_H
#define WEFT_PEER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_table;

/** A record as peer_table_make reads it: subnet and host in network order, prefix length, three bytes of nothing. */
enum { PEER_RECORD = 12 };

/** NULL when there is no memory, or when a prefix length is above 32 (errno tells). Of equal subnets the last one counts. */
struct peer_table *peer_table_make(const uint8_t *records, size_t count);
void peer_table_free(struct peer_table *table);

/** The host, in network order, behind `destination` (network order); false when there is none. */
bool peer_table_find(const struct peer_table *table, uint32_t destination, uint32_t *host);

/** Whether some subnet lies behind that host (network order). */
bool peer_table_has_host(const struct peer_table *table, uint32_t host);

#endif
