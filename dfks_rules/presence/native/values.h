/* Values of Python as bytes, and back: see values.c. */

#ifndef VALUES_H
#define VALUES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stddef.h>
#include <stdint.h>

/* Bytes that become more. They begin in the caller's `room`, and move where that is too small. */
struct written {
    uint8_t *bytes;
    size_t size, capacity;
    const uint8_t *room;
};

/* Make room for so many more; 0 with an exception where there is none. */
int written_reserve(struct written *to, size_t more);

/* Give back what was asked for. */
void written_free(struct written *to);

/* Append a value: None, bool, int of 63 bits, float, str, bytes, or a tuple of such; 0 with an
 * exception where it is none. */
int put_value(struct written *to, PyObject *value, int depth);

/* The value that begins at `*from`, which is moved behind it; NULL with an exception where there is
 * none before `end`. */
PyObject *get_value(const uint8_t **from, const uint8_t *end, int depth);

enum { VALUES_DEPTH = 8 };

#endif
