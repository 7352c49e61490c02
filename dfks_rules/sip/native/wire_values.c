/* The values of headers: each reader takes a part of what its twin in Python does. */

#include "wire_values.h"

#include <string.h>

/* What each byte is, made from the expressions that the classes stand for. */
static const uint8_t classes[256] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x10, 0x3d, 0x00, 0x2c, 0x2c, 0x3d, 0x2c, 0x3d, 0x2c, 0x2c, 0x3d, 0x3d, 0x2c, 0x3f, 0x7f, 0x2c,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x68, 0x24, 0x00, 0x2c, 0x00, 0x24,
    0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf,
    0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0x2c, 0x2c, 0x2c, 0x2c, 0x3f,
    0x3d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf,
    0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0x2c, 0x2c, 0x2c, 0x3d, 0x00,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
    0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c,
};

static bool is(uint8_t byte, unsigned class) { return (classes[byte] & class) != 0; }

const uint8_t *wire_skip(const uint8_t *at, const uint8_t *end, unsigned class) {
    while (at < end && is(*at, class)) at++;
    return at;
}

static struct wire_span span(const uint8_t *data, const uint8_t *start, const uint8_t *end) {
    return (struct wire_span){(uint32_t)(start - data), (uint32_t)(end - data)};
}

/* Whether `text` stands at `at`. */
static bool has(const uint8_t *at, const uint8_t *end, const char *text) {
    size_t size = strlen(text);
    return (size_t)(end - at) >= size && memcmp(at, text, size) == 0;
}

/* --- Numbers --- */

/* The number at `at`; where its digits end, `at` where there are none or more than `most`. */
static const uint8_t *read_digits(
    const uint8_t *at, const uint8_t *end, unsigned most, uint64_t *number
) {
    const uint8_t *start = at;
    *number = 0;
    while (at < end && *at >= '0' && *at <= '9') {
        if (at - start == most) return start;
        *number = *number * 10 + (uint64_t)(*at++ - '0');
    }
    return at;
}

bool wire_number(const uint8_t *data, struct wire_span text, unsigned most, uint32_t *number) {
    uint64_t read;
    const uint8_t *end = data + text.end;
    if (read_digits(data + text.start, end, most, &read) != end || text.start == text.end)
        return false;
    *number = (uint32_t)read;
    return read <= UINT32_MAX;
}

bool wire_read_cseq(
    const uint8_t *data, struct wire_span value, const char *method, uint32_t *number
) {
    const uint8_t *at = data + value.start, *end = data + value.end;
    uint64_t read;
    const uint8_t *digits_end = read_digits(at, end, 10, &read);
    if (digits_end == at || read > INT32_MAX) return false; /* MAX_CSEQ */
    at = digits_end;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    if (at == digits_end || !has(at, end, method)) return false;
    *number = (uint32_t)read;
    return at + strlen(method) == end;
}

/* --- Hosts and URIs --- */

/* A host and its port; where they end, NULL where they are malformed. `port` is -1 for none. */
static const uint8_t *read_host_port(
    const uint8_t *data, const uint8_t *at, const uint8_t *end, struct wire_span *host,
    int32_t *port
) {
    const uint8_t *start = at;
    if (at < end && *at == '[') {
        at = wire_skip(at + 1, end, WIRE_IPV6);
        if (at == start + 1 || at == end || *at != ']') return NULL;
        at++;
    } else {
        if (at == end || !is(*at, WIRE_ALNUM)) return NULL;
        at = wire_skip(at, end, WIRE_HOST);
    }
    *host = span(data, start, at);
    *port = -1;
    if (at == end || *at != ':') return at;
    uint64_t number;
    const uint8_t *digits_end = read_digits(at + 1, end, 5, &number);
    if (digits_end == at + 1) return NULL;
    *port = (int32_t)number;
    return digits_end;
}

bool wire_read_uri(const uint8_t *data, struct wire_span text, struct wire_uri *out) {
    const uint8_t *at = data + text.start, *end = data + text.end;
    out->secure = has(at, end, "sips:");
    if (!out->secure && !has(at, end, "sip:")) return false;
    at += out->secure ? 5 : 4;
    const uint8_t *sign = memchr(at, '@', (size_t)(end - at));
    out->user = span(data, at, at);
    if (sign != NULL) {
        if (wire_skip(at, sign, WIRE_USER) != sign) return false; /* also: there is a password */
        out->user = span(data, at, sign);
        at = sign + 1;
    }
    int32_t port;
    at = read_host_port(data, at, end, &out->host, &port);
    if (at == NULL || port == 0 || port > 65535) return false;
    out->port = port < 0 ? 0 : (uint32_t)port;
    out->params = span(data, at, end);
    while (at < end) {
        if (*at != ';') return false;
        const uint8_t *param_end = wire_skip(at + 1, end, WIRE_PARAM);
        if (param_end == at + 1) return false;
        at = param_end;
    }
    return true;
}

/* --- Via --- */

bool wire_read_via(const uint8_t *data, struct wire_span value, struct wire_via *out) {
    static const char cookie[] = "z9hG4bK";
    const uint8_t *at = data + value.start, *end = data + value.end;
    if (!has(at, end, "SIP/2.0/")) return false;
    const uint8_t *transport = at + 8;
    at = wire_skip(transport, end, WIRE_TOKEN);
    if (at == transport) return false;
    const uint8_t *sent_by = at;
    while (sent_by < end && *sent_by == ' ') sent_by++;
    if (sent_by == at) return false;
    at = read_host_port(data, sent_by, end, &out->host, &out->port);
    if (at == NULL) return false;
    out->sent_by = span(data, sent_by, at);
    const uint8_t *rport = NULL;
    if (has(at, end, ";rport;")) {
        rport = at;
        at += 6;
    }
    if (!has(at, end, ";branch=")) return false;
    const uint8_t *branch = at + 8;
    at = wire_skip(branch, end, WIRE_TOKEN);
    if (!has(branch, at, cookie) || at - branch < (ptrdiff_t)sizeof cookie) return false;
    out->branch = span(data, branch, at);
    if (rport == NULL && has(at, end, ";rport")) {
        rport = at;
        at += 6;
    }
    out->rport = rport == NULL ? span(data, at, at) : span(data, rport, rport + 6);
    return at == end;
}

bool wire_read_branch(const uint8_t *data, struct wire_span value, struct wire_span *branch) {
    static const char name[] = ";branch=";
    const uint8_t *at = data + value.start, *end = data + value.end;
    if (memchr(at, ',', (size_t)(end - at)) != NULL) return false;
    while (at < end && !has(at, end, name)) at++;
    if (at == end) return false;
    const uint8_t *start = at + sizeof name - 1;
    at = wire_skip(start, end, WIRE_ALNUM);
    *branch = span(data, start, at);
    return at > start && (at == end || *at == ';');
}

/* --- From and To --- */

/* What stands before the angle bracket of a name-addr; where it ends, NULL where it is unusual. */
static const uint8_t *skip_display(const uint8_t *at, const uint8_t *end) {
    if (at == end || *at != '"') return wire_skip(at, end, WIRE_DISPLAY);
    const uint8_t *quote = memchr(at + 1, '"', (size_t)(end - at - 1));
    if (quote == NULL || memchr(at, '\\', (size_t)(quote - at)) != NULL) return NULL;
    at = quote + 1;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    return at;
}

/* A URI without brackets, where everything from the first semicolon on is of the header; where it
 * ends, NULL where it is unusual. */
static const uint8_t *skip_addr_spec(const uint8_t *at, const uint8_t *end) {
    if (!has(at, end, "sip:")) return NULL;
    const uint8_t *uri_end = wire_skip(at + 4, end, WIRE_PARAM);
    if (uri_end == at + 4 || memchr(at, ',', (size_t)(uri_end - at)) != NULL) return NULL;
    return uri_end;
}

bool wire_read_address(const uint8_t *data, struct wire_span value, struct wire_address *out) {
    const uint8_t *start = data + value.start, *end = data + value.end;
    const uint8_t *at = skip_display(start, end);
    if (at == NULL) return false;
    if (at < end && *at == '<') {
        const uint8_t *uri = at + 1;
        at = wire_skip(uri, end, WIRE_BRACKETED);
        if (at == uri || at == end || *at != '>') return false;
        out->uri = span(data, uri, at++);
    } else {
        at = skip_addr_spec(start, end);
        if (at == NULL) return false;
        out->uri = span(data, start, at);
    }
    out->tag = span(data, end, end);
    if (at == end) return true;
    if (!has(at, end, ";tag=")) return false;
    at += 5;
    out->tag = span(data, at, end);
    return at < end && wire_skip(at, end, WIRE_TOKEN) == end;
}
