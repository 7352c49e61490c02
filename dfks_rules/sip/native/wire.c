/* The lines of a message: which is which, and where the head and the body end.
 *
 * Rule of this file and of `wire_values.c`: nothing is read behind `end`, and every loop is linear in
 * what it reads. A check that fails means: not taken, never: wrong. */

#include "wire.h"

#include <string.h>

#include "wire_values.h"

const char *const wire_method_names[WIRE_METHODS] = {
    "SUBSCRIBE", "PUBLISH", "OPTIONS", "NOTIFY", "REGISTER",
};

/* --- Names of headers --- */

struct name {
    const char *text; /* in lower case */
    uint8_t size, number;
};

#define NAME(text, number) {text, sizeof(text) - 1, number}

/* In the order of their lengths, so that a name is compared with few others. */
static const struct name names[] = {
    NAME("v", WIRE_VIA),
    NAME("f", WIRE_FROM),
    NAME("t", WIRE_TO),
    NAME("i", WIRE_CALL_ID),
    NAME("m", WIRE_CONTACT),
    NAME("l", WIRE_CONTENT_LENGTH),
    NAME("c", WIRE_CONTENT_TYPE),
    NAME("e", WIRE_CONTENT_ENCODING),
    NAME("s", WIRE_SUBJECT),
    NAME("o", WIRE_EVENT),
    NAME("to", WIRE_TO),
    NAME("via", WIRE_VIA),
    NAME("from", WIRE_FROM),
    NAME("cseq", WIRE_CSEQ),
    NAME("path", WIRE_PATH),
    NAME("date", WIRE_DATE),
    NAME("event", WIRE_EVENT),
    NAME("accept", WIRE_ACCEPT),
    NAME("call-id", WIRE_CALL_ID),
    NAME("contact", WIRE_CONTACT),
    NAME("expires", WIRE_EXPIRES),
    NAME("require", WIRE_REQUIRE),
    NAME("subject", WIRE_SUBJECT),
    NAME("timestamp", WIRE_TIMESTAMP),
    NAME("user-agent", WIRE_USER_AGENT),
    NAME("min-expires", WIRE_MIN_EXPIRES),
    NAME("max-forwards", WIRE_MAX_FORWARDS),
    NAME("content-type", WIRE_CONTENT_TYPE),
    NAME("record-route", WIRE_RECORD_ROUTE),
    NAME("sip-if-match", WIRE_SIP_IF_MATCH),
    NAME("authorization", WIRE_AUTHORIZATION),
    NAME("content-length", WIRE_CONTENT_LENGTH),
    NAME("content-encoding", WIRE_CONTENT_ENCODING),
    NAME("suppress-if-match", WIRE_SUPPRESS_IF_MATCH),
    NAME("subscription-state", WIRE_SUBSCRIPTION_STATE),
    NAME("p-asserted-identity", WIRE_P_ASSERTED_IDENTITY),
    NAME("proxy-authorization", WIRE_PROXY_AUTHORIZATION),
};

#define LONGEST 19

/* The first name of each length, and of the length after the longest. */
static const uint8_t first_of_length[LONGEST + 2] = {
    0, 0, 10, 11, 12, 16, 17, 18, 23, 23, 24, 25, 26, 30, 31, 32, 32, 33, 34, 35, 37,
};

/* Whether `text` is `lower` in any case. `lower` has no byte that `| 0x20` makes of another
 * byte of a token: letters, and "-", which only "\r" would become. */
static bool is_name(const uint8_t *text, const char *lower, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((text[i] | 0x20) != (uint8_t)lower[i]) return false;
    return true;
}

static unsigned number_of(const uint8_t *text, size_t size) {
    if (size > LONGEST) return WIRE_OTHER;
    for (unsigned i = first_of_length[size]; i < first_of_length[size + 1]; i++)
        if (is_name(text, names[i].text, size)) return names[i].number;
    return WIRE_OTHER;
}

/* --- Lines --- */

/* Where the line at `at` ends, at its CRLF; NULL where it is longer than a head, or a bare CR or LF
 * ends it. */
static const uint8_t *end_of_line(const uint8_t *at, const uint8_t *end) {
    const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
    if (feed == NULL || feed == at || feed[-1] != '\r') return NULL;
    return memchr(at, '\r', (size_t)(feed - at)) == feed - 1 ? feed - 1 : NULL;
}

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

static struct wire_span span_of(
    const uint8_t *data, const uint8_t *start, const uint8_t *end
) {
    return (struct wire_span){(uint32_t)(start - data), (uint32_t)(end - data)};
}

/* The same without the white space around it. */
static struct wire_span trimmed(
    const uint8_t *data, const uint8_t *start, const uint8_t *end
) {
    while (start < end && is_blank(*start)) start++;
    while (start < end && is_blank(end[-1])) end--;
    return span_of(data, start, end);
}

/* --- Requests --- */

static bool read_request_line(
    const uint8_t *data, const uint8_t *line_end, struct wire_request *out
) {
    static const char version[] = " SIP/2.0";
    size_t size = (size_t)(line_end - data);
    for (unsigned i = 0; i < WIRE_METHODS; i++) {
        size_t length = strlen(wire_method_names[i]);
        if (size < length + sizeof version + 1 || data[length] != ' ') continue;
        if (memcmp(data, wire_method_names[i], length) != 0) continue;
        const uint8_t *target_end = line_end - (sizeof version - 1);
        if (memcmp(target_end, version, sizeof version - 1) != 0) return false;
        out->method = (enum wire_method)i;
        out->target.start = (uint32_t)(length + 1);
        out->target.end = (uint32_t)(target_end - data);
        return true;
    }
    return false;
}

/* Note a value; false where it makes the message unusual. */
static bool take_value(
    struct wire_request *out, uint32_t *seen, unsigned number, struct wire_span value
) {
    if (number == WIRE_OTHER) return true;
    if (number == WIRE_VIA) {
        if (out->via_count == WIRE_MAX_VIAS) return false;
        out->vias[out->via_count++] = value;
    } else if (*seen & (1u << number)) {
        return false;
    }
    *seen |= 1u << number;
    if (number < WIRE_GIVEN && (number != WIRE_VIA || out->via_count == 1))
        out->values[number] = value;
    return true;
}

/* What is needed of the headers that are not given. */
struct limits {
    struct wire_span hops, length;
};

/* Read the lines behind the request line, up to the empty one; the empty one, or NULL. */
static const uint8_t *read_headers(
    const uint8_t *data, const uint8_t *at, const uint8_t *end, struct wire_request *out,
    struct limits *limits
) {
    uint32_t seen = 0;
    for (unsigned lines = 0; lines <= WIRE_MAX_LINES; lines++) {
        const uint8_t *line_end = end_of_line(at, end);
        if (line_end == NULL) return NULL;
        if (line_end == at) return seen & (1u << WIRE_PROXY_AUTHORIZATION) ? NULL : at;
        const uint8_t *name_end = wire_skip(at, line_end, WIRE_TOKEN);
        if (name_end == at || name_end == line_end || *name_end != ':') return NULL;
        unsigned number = number_of(at, (size_t)(name_end - at));
        struct wire_span value = trimmed(data, name_end + 1, line_end);
        if (!take_value(out, &seen, number, value)) return NULL;
        if (number == WIRE_MAX_FORWARDS) limits->hops = value;
        if (number == WIRE_CONTENT_LENGTH) limits->length = value;
        at = line_end + 2;
    }
    return NULL;
}

/* What every request must have (RFC 3261 §8.1.1). */
static bool read_values(
    const uint8_t *data, struct wire_request *out, const struct limits *limits
) {
    const struct wire_span *values = out->values;
    uint32_t number;
    if (limits->hops.start && !(wire_number(data, limits->hops, 3, &number) && number <= 255))
        return false;
    return values[WIRE_CALL_ID].start < values[WIRE_CALL_ID].end
        && wire_read_cseq(data, values[WIRE_CSEQ], wire_method_names[out->method], &out->cseq)
        && wire_read_via(data, values[WIRE_VIA], &out->via)
        && wire_read_address(data, values[WIRE_FROM], &out->from)
        && wire_read_address(data, values[WIRE_TO], &out->to)
        && wire_read_uri(data, out->target, &out->uri);
}

bool wire_split_request(const uint8_t *data, size_t size, struct wire_request *out) {
    if (size > UINT16_MAX) return false;
    const uint8_t *end = data + size;
    const uint8_t *head_limit = size > WIRE_MAX_HEAD + 4 ? data + WIRE_MAX_HEAD + 4 : end;
    const uint8_t *line_end = end_of_line(data, head_limit);
    memset(out, 0, sizeof *out);
    if (line_end == NULL || !read_request_line(data, line_end, out)) return false;
    struct limits limits = {{0, 0}, {0, 0}};
    const uint8_t *blank = read_headers(data, line_end + 2, head_limit, out, &limits);
    if (blank == NULL || !read_values(data, out, &limits)) return false;
    out->head_size = (uint32_t)(blank - 2 - data);
    out->body.start = (uint32_t)(blank + 2 - data);
    out->body.end = (uint32_t)size;
    if (limits.length.start) {
        uint32_t length;
        if (!wire_number(data, limits.length, 6, &length)) return false;
        if (length > out->body.end - out->body.start) return false;
        out->body.end = out->body.start + length;
    }
    return true;
}

/* --- Responses --- */

/* What follows a name, which may be written in any case: the colon or white space; NULL where this
 * is another header. */
static const uint8_t *value_of(
    const uint8_t *at, const uint8_t *end, const char *lower, size_t size
) {
    if ((size_t)(end - at) <= size || !is_name(at, lower, size)) return NULL;
    return at[size] == ':' || is_blank(at[size]) ? at + size : NULL;
}

/* Each of these two gives false where a line makes the response unusual. */

/* A line that may be the Via: its branch. */
static bool read_via_line(
    const uint8_t *data, const uint8_t *at, const uint8_t *end, struct wire_response *out
) {
    const uint8_t *value = value_of(at, end, "via", 3);
    if (value == NULL) value = value_of(at, end, "v", 1);
    if (value == NULL) return true;
    if (*value != ':' || out->branch.start) return false;
    return wire_read_branch(data, span_of(data, value + 1, end), &out->branch);
}

/* A line that may be the CSeq: whether it is about a NOTIFY. */
static bool read_cseq_line(
    const uint8_t *data, const uint8_t *at, const uint8_t *end, bool *is_notify
) {
    const uint8_t *value = value_of(at, end, "cseq", 4);
    if (value == NULL) return true;
    if (*value != ':' || *is_notify) return false;
    uint32_t number;
    *is_notify = wire_read_cseq(data, trimmed(data, value + 1, end), "NOTIFY", &number);
    return *is_notify;
}

bool wire_split_response(const uint8_t *data, size_t size, struct wire_response *out) {
    static const char version[] = "SIP/2.0 ";
    const size_t start = sizeof version - 1; /* then the status, and a space */
    memset(out, 0, sizeof *out);
    if (size < start + 6 || size > UINT16_MAX || memcmp(data, version, start) != 0) return false;
    struct wire_span status = {(uint32_t)start, (uint32_t)start + 3};
    if (!wire_number(data, status, 3, &out->status) || data[start + 3] != ' ') return false;
    if (out->status < 100 || out->status > 699) return false;
    const uint8_t *end = size > WIRE_MAX_HEAD + 4 ? data + WIRE_MAX_HEAD + 4 : data + size;
    const uint8_t *line_end = end_of_line(data, end);
    bool is_notify = false;
    while (line_end != NULL) {
        const uint8_t *at = line_end + 2;
        line_end = end_of_line(at, end);
        if (line_end == NULL) return false;
        if (line_end == at) return is_notify && out->branch.start;
        if (is_blank(*at)) return false;
        if ((*at | 0x20) == 'v' && !read_via_line(data, at, line_end, out)) return false;
        if ((*at | 0x20) == 'c' && !read_cseq_line(data, at, line_end, &is_notify)) return false;
    }
    return false;
}
