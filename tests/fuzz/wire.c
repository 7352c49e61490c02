/* Fuzzes the splitter alone, under sanitizers: `tests/long/test_fuzz_wire.py` builds and runs it.
 *
 *   cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I dfks_rules/sip/native \
 *     tests/fuzz/wire.c dfks_rules/sip/native/wire.c dfks_rules/sip/native/wire_values.c -o wire
 *   ./wire SECONDS SEED FILE...       each file is a message to make others of
 *
 * With clang, `-DLIBFUZZER -fsanitize=fuzzer` has libFuzzer make the inputs instead. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire.h"

static unsigned long taken;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

static void check_span(const uint8_t *data, size_t size, struct wire_span span) {
    CHECK(span.start <= span.end && span.end <= size);
    for (uint32_t i = span.start; i < span.end; i++) CHECK(data[i] != '\r' && data[i] != '\n');
}

static void check_request(const uint8_t *data, size_t size) {
    struct wire_request found;
    if (!wire_split_request(data, size, &found)) return;
    taken++;
    CHECK(found.method < WIRE_METHODS && found.cseq <= INT32_MAX && found.uri.port <= 65535);
    CHECK(found.head_size + 4 <= size && found.head_size <= WIRE_MAX_HEAD);
    CHECK(memcmp(data + found.head_size, "\r\n\r\n", 4) == 0);
    CHECK(found.body.start == found.head_size + 4 && found.body.start <= found.body.end);
    CHECK(found.body.end <= size && found.via_count >= 1 && found.via_count <= WIRE_MAX_VIAS);
    const struct wire_span spans[] = {
        found.target,      found.uri.user,  found.uri.host,  found.uri.params, found.via.sent_by,
        found.via.host,    found.via.rport, found.from.uri,  found.from.tag,   found.to.uri,
        found.via.branch,  found.to.tag,
    };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) check_span(data, size, spans[i]);
    for (size_t i = 0; i < WIRE_GIVEN; i++) check_span(data, size, found.values[i]);
    for (size_t i = 0; i < found.via_count; i++) check_span(data, size, found.vias[i]);
    CHECK(found.via.branch.end - found.via.branch.start > 7);
    CHECK(found.via.rport.end <= found.vias[0].end && found.via.host.end <= found.via.sent_by.end);
}

static void check_response(const uint8_t *data, size_t size) {
    struct wire_response found;
    if (!wire_split_response(data, size, &found)) return;
    taken++;
    CHECK(found.status >= 100 && found.status <= 699);
    CHECK(found.branch.start < found.branch.end);
    check_span(data, size, found.branch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_request(data, size);
    check_response(data, size);
    return 0;
}

#ifndef LIBFUZZER

enum { MOST_SEEDS = 1024, MOST = 70000 };

static struct {
    uint8_t *data;
    size_t size;
} seeds[MOST_SEEDS];
static size_t seed_count;
static uint64_t state;

static size_t below(size_t limit) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return limit ? (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % limit : 0;
}

static const char *const pieces[] = {
    "\r\n", "\r", "\n", "\r\n ", " ", "\t", ";", ",", "\"", "\\", "<", ">", ":", "@", "[", "]", "=",
    "?", "%", "/", "-", "~", "0", "9", "sip:", "sips:", "tag=", ";tag=", ";branch=", ";rport",
    ";received=1", "z9hG4bK", "\r\nVia: ", "\r\nv:", "\r\nTo: ", "\r\nt:", "\r\nCSeq: 1 NOTIFY",
    "\r\nContent-Length: 9", "\r\nl:0", "SIP/2.0", "SIP/2.0 200 ", "SUBSCRIBE ", "\r\n\r\n", "[::1]",
    ":5060", ":65536", "4294967296", "2147483648", "\xff", "", "",
};

/* Put `size` bytes in the place of `out` of those at `start`. */
static size_t replace(
    uint8_t *text, size_t length, size_t start, size_t out, const void *in, size_t size
) {
    if (length - out + size > MOST) return length;
    memmove(text + start + size, text + start + out, length - start - out);
    memcpy(text + start, in, size);
    return length - out + size;
}

static size_t mutate(uint8_t *text, size_t length) {
    size_t start = below(length + 1), rest = length - start;
    size_t out = below(rest < 16 ? rest + 1 : 16);
    switch (below(6)) {
    case 0: { /* a byte is another one */
        uint8_t byte = (uint8_t)below(256);
        return replace(text, length, start, rest ? 1 : 0, &byte, 1);
    }
    case 1: /* the end is missing */
        return start;
    case 2: { /* a part of another message */
        size_t other = below(seed_count), from = below(seeds[other].size + 1);
        size_t size = below(seeds[other].size - from + 1);
        return replace(text, length, start, out, seeds[other].data + from, size);
    }
    case 3: /* a part is repeated */
        return replace(text, length, start, 0, memcpy(text + MOST, text + start, out), out);
    default: {
        const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];
        return replace(text, length, start, below(3) ? out / 4 : 0, piece, strlen(piece));
    }
    }
}

static void read_seed(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && seed_count < MOST_SEEDS);
    seeds[seed_count].data = malloc(MOST);
    seeds[seed_count].size = fread(seeds[seed_count].data, 1, MOST - 1, file);
    seed_count++;
    fclose(file);
}

int main(int count, char **arguments) {
    CHECK(count > 3);
    time_t ends = time(NULL) + atol(arguments[1]);
    state = strtoull(arguments[2], NULL, 10) * 2 + 1;
    for (int i = 3; i < count; i++) read_seed(arguments[i]);
    static uint8_t text[2 * MOST + 64];
    unsigned long done = 0;
    for (; done % 4096 || time(NULL) < ends; done++) {
        size_t seed = below(seed_count), length = seeds[seed].size;
        memcpy(text, seeds[seed].data, length);
        for (size_t left = below(5); left; left--) length = mutate(text, length);
        uint8_t *exact = malloc(length ? length : 1); /* what is read behind its end is found */
        memcpy(exact, text, length);
        LLVMFuzzerTestOneInput(exact, length);
        free(exact);
    }
    printf("%lu messages, %lu taken\n", done, taken);
    return 0;
}

#endif
