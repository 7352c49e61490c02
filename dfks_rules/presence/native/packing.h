/* Makes bytes smaller by what they have in common with others: see packing.c. No Python in here. */

#ifndef PACKING_H
#define PACKING_H

#include <stddef.h>
#include <stdint.h>

enum {
    PACKING_BITS = 10,
    PACKING_PLACES = 1 << PACKING_BITS,
    PACKING_NOWHERE = UINT16_MAX,
    PACKING_LIKE = 2048, /* most bytes that others are compared with */
};

/* Where four bytes stand in what others are like, by their hash. */
struct packing_table {
    uint16_t places[PACKING_PLACES];
};

/* Learn what others are like. */
void packing_learn(struct packing_table *table, const uint8_t *like, size_t size);

/* Most bytes that so many become. */
size_t packing_most(size_t size);

/* Pack what begins at `start` and ends at `end` of `all`, to `packed`, which has room for
 * `packing_most`; how many bytes that gives. In front of it stands what `table` was learnt of,
 * `like` bytes, then what else is known to whoever unpacks. */
size_t packing_pack(
    const struct packing_table *table, const uint8_t *all, size_t like, size_t start, size_t end,
    uint8_t *packed
);

/* How many bytes `packed` is unpacked to; SIZE_MAX where it is not what was packed. */
size_t packing_size(const uint8_t *packed, size_t size);

/* Unpack to `start` of `all`, in front of which stands the same as when it was packed, `like` bytes
 * and the rest, and where there is room for `packing_size`; whether it is what was packed. */
int packing_unpack(
    const uint8_t *packed, size_t size, uint8_t *all, size_t like, size_t start
);

#endif
