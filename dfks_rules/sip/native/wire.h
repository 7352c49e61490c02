/* Messages of the usual shape, taken apart in one pass; everything else is not taken.
 *
 * Bytes in, offsets out: no allocation, no I/O, no state. What is taken means what `message`, `via`,
 * `address` and `uri` make of it; whatever is unusual, or has a fault, is theirs to read. */

#ifndef DFKS_WIRE_H
#define DFKS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The headers whose values are given, by the numbers of `header.py`; then those that may not be
 * repeated, or that make a message unusual. */
enum wire_header {
    WIRE_VIA,
    WIRE_FROM,
    WIRE_TO,
    WIRE_CALL_ID,
    WIRE_CSEQ,
    WIRE_CONTACT,
    WIRE_EVENT,
    WIRE_EXPIRES,
    WIRE_ACCEPT,
    WIRE_USER_AGENT,
    WIRE_CONTENT_TYPE,
    WIRE_CONTENT_ENCODING,
    WIRE_RECORD_ROUTE,
    WIRE_PATH,
    WIRE_REQUIRE,
    WIRE_AUTHORIZATION,
    WIRE_P_ASSERTED_IDENTITY,
    WIRE_SUPPRESS_IF_MATCH,
    WIRE_SIP_IF_MATCH,
    WIRE_TIMESTAMP,
    WIRE_GIVEN, /* how many are given */
    WIRE_MAX_FORWARDS = WIRE_GIVEN,
    WIRE_CONTENT_LENGTH,
    WIRE_DATE,
    WIRE_MIN_EXPIRES,
    WIRE_SUBJECT,
    WIRE_SUBSCRIPTION_STATE,
    WIRE_PROXY_AUTHORIZATION,
    WIRE_KNOWN, /* how many are known */
    WIRE_OTHER = WIRE_KNOWN
};

/* The methods that are taken. */
enum wire_method {
    WIRE_SUBSCRIBE,
    WIRE_PUBLISH,
    WIRE_OPTIONS,
    WIRE_NOTIFY,
    WIRE_REGISTER,
    WIRE_METHODS
};

extern const char *const wire_method_names[WIRE_METHODS];

#define WIRE_MAX_HEAD 16384 /* as MAX_HEAD */
#define WIRE_MAX_LINES 128  /* as MAX_HEADERS */
#define WIRE_MAX_VIAS 8     /* more proxies than that are unusual */

/* Where something stands in a message. A value that is absent begins at 0, where none can. */
struct wire_span {
    uint32_t start, end;
};

struct wire_uri {
    struct wire_span user, host, params; /* empty where there is none */
    uint32_t port;                       /* 0 where there is none */
    bool secure;                         /* sips */
};

struct wire_address {
    struct wire_span uri, tag; /* the tag is empty where there is none */
};

struct wire_via {
    struct wire_span sent_by, host, branch;
    struct wire_span rport; /* `;rport`, to be filled in; empty where there is none */
    int32_t port;           /* -1 where there is none */
};

struct wire_request {
    enum wire_method method;
    struct wire_span target; /* the Request-URI */
    struct wire_uri uri;     /* the same, taken apart */
    struct wire_via via;     /* the topmost */
    struct wire_address from, to;
    struct wire_span vias[WIRE_MAX_VIAS];
    uint32_t via_count;
    struct wire_span values[WIRE_GIVEN];
    struct wire_span body;
    uint32_t cseq;
    uint32_t head_size; /* without the empty line */
};

struct wire_response {
    uint32_t status;
    struct wire_span branch;
};

/* Whether `data` is a request of the usual shape, which is then described. */
bool wire_split_request(const uint8_t *data, size_t size, struct wire_request *out);

/* Whether `data` is a response to a NOTIFY of ours, as nearly everybody writes it. */
bool wire_split_response(const uint8_t *data, size_t size, struct wire_response *out);

#endif
