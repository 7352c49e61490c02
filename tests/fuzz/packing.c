/* Fuzzes what packs sleeping subscriptions, under sanitizers: `tests/long/test_fuzz_packing.py`.
 *
 *   cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
 *     -I dfks_rules/presence/native tests/fuzz/packing.c dfks_rules/presence/native/packing.c \
 *     -o packing
 *   ./packing SECONDS SEED
 *
 * What was packed is unpacked to the same; what was not is refused, or becomes as many bytes as was
 * said. Each buffer is as long as it has to be, so that what is read or written behind it is found.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packing.h"

enum { LONGEST = 70000, MOSTLY = 600 };

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

static uint64_t state;

static size_t below(size_t limit) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return limit ? (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % limit : 0;
}

static void *room_for(size_t size) {
    void *made = malloc(size ? size : 1);
    CHECK(made != NULL);
    return made;
}

/* Bytes, many of which stand there already, near or far. */
static void fill(uint8_t *all, size_t start, size_t end) {
    while (start < end) {
        size_t size = below(below(8) ? 40 : 5000) + 1;
        if (size > end - start) size = end - start;
        if (start && below(3)) {
            size_t from = below(start);
            for (size_t i = 0; i < size; i++) all[start + i] = all[from + i];
        } else {
            size_t letters = below(2) ? 4 : 256;
            for (size_t i = 0; i < size; i++) all[start + i] = (uint8_t)below(letters);
        }
        start += size;
    }
}

static unsigned long refused;

static void unpack_mutated(
    const uint8_t *packed, size_t size, const uint8_t *all, size_t like, size_t start
) {
    size_t length = below(8) ? size : below(size + 1);
    uint8_t *other = room_for(length);
    memcpy(other, packed, length);
    for (size_t left = below(6); left && length; left--)
        other[below(below(2) ? length : length < 9 ? length : 9)] = (uint8_t)below(256);
    size_t given = packing_size(other, length);
    if (given == SIZE_MAX) {
        refused++;
    } else {
        uint8_t *to = room_for(start + given);
        memcpy(to, all, start);
        if (!packing_unpack(other, length, to, like, start)) refused++;
        CHECK(memcmp(to, all, start) == 0);
        free(to);
    }
    free(other);
}

static void try_one(void) {
    size_t like = below(below(4) ? MOSTLY : 5000), start = like + below(40);
    size_t end = start + below(below(50) ? MOSTLY : LONGEST);
    uint8_t *all = room_for(end), *packed = room_for(packing_most(end - start));
    struct packing_table *table = room_for(sizeof *table);
    fill(all, 0, end);
    packing_learn(table, all, like);
    size_t size = packing_pack(table, all, like, start, end, packed);
    CHECK(size <= packing_most(end - start));
    uint8_t *exact = room_for(size), *again = room_for(end);
    memcpy(exact, packed, size);
    memcpy(again, all, start);
    CHECK(packing_size(exact, size) == end - start);
    CHECK(packing_unpack(exact, size, again, like, start));
    CHECK(memcmp(again, all, end) == 0);
    for (int i = 0; i < 4; i++) unpack_mutated(exact, size, all, like, start);
    free(again);
    free(exact);
    free(table);
    free(packed);
    free(all);
}

int main(int count, char **arguments) {
    CHECK(count == 3);
    time_t ends = time(NULL) + atol(arguments[1]);
    state = strtoull(arguments[2], NULL, 10) * 2 + 1;
    unsigned long done = 0;
    for (; done % 256 || time(NULL) < ends; done++) try_one();
    printf("%lu packed, %lu refused\n", done, refused);
    return 0;
}
