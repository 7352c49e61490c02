/* The values of headers, as nearly everybody writes them. */

#ifndef DFKS_WIRE_VALUES_H
#define DFKS_WIRE_VALUES_H

#include "wire.h"

/* Classes of bytes, to be added up. Each is named after the expression that it stands for. */
enum {
    WIRE_TOKEN = 1,    /* grammar.TOKEN */
    WIRE_HOST = 2,     /* a name or an IPv4 address in grammar.HOST */
    WIRE_USER = 4,     /* the user in uri._URI */
    WIRE_PARAM = 8,    /* a parameter in uri._URI */
    WIRE_DISPLAY = 16, /* an unquoted display name in address._NAME_ADDR */
    WIRE_BRACKETED = 32, /* what stands in the brackets there */
    WIRE_IPV6 = 64,    /* what stands in the brackets of grammar.IPV6 */
    WIRE_ALNUM = 128,
};

/* The first byte from `at` on that is not of a class. */
const uint8_t *wire_skip(const uint8_t *at, const uint8_t *end, unsigned class);

/* A number of 1 to `most` digits, at most 10, below 2^32; false for anything else. */
bool wire_number(const uint8_t *data, struct wire_span text, unsigned most, uint32_t *number);

/* Each gives whether the value is usual and well-formed. */
bool wire_read_cseq(
    const uint8_t *data, struct wire_span value, const char *method, uint32_t *number
);
bool wire_read_via(const uint8_t *data, struct wire_span value, struct wire_via *out);
bool wire_read_branch(const uint8_t *data, struct wire_span value, struct wire_span *branch);
bool wire_read_address(const uint8_t *data, struct wire_span value, struct wire_address *out);
bool wire_read_uri(const uint8_t *data, struct wire_span text, struct wire_uri *out);

#endif
