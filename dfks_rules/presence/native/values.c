/* Values of Python as bytes, and back.
 *
 * What `marshal` does in 1 µs each way, with four bytes for each length: where one differs, what is
 * the same as in another subscription is in pieces. A value is one byte, its kind and a number up
 * to 30; for more, 31, and the rest in groups of seven bits. Then what so many bytes or values are. */

#include "values.h"

#include <string.h>

enum {
    SINGLE, /* None, False, True, or a float that follows */
    NATURAL,
    NEGATIVE, /* -1 less the number */
    TEXT,
    BYTES,
    TUPLE,
};
enum { NONE, FALSE, TRUE, FLOAT };
enum { KIND_BITS = 3, MANY = 31, GROUP = 7, MOST_GROUPS = 9, LONGEST = 1 + MOST_GROUPS };

int written_reserve(struct written *to, size_t more) {
    if (more <= to->capacity - to->size) return 1;
    size_t capacity = 2 * to->capacity + more;
    uint8_t *bytes = PyMem_Malloc(capacity);
    if (bytes == NULL) return PyErr_NoMemory(), 0;
    memcpy(bytes, to->bytes, to->size);
    written_free(to);
    to->bytes = bytes;
    to->capacity = capacity;
    return 1;
}

void written_free(struct written *to) {
    if (to->bytes != to->room) PyMem_Free(to->bytes);
}

static int put_number(struct written *to, unsigned kind, uint64_t number) {
    if (!written_reserve(to, LONGEST)) return 0;
    uint8_t *at = to->bytes + to->size;
    *at++ = (uint8_t)(kind | (number < MANY ? number : MANY) << KIND_BITS);
    if (number >= MANY) {
        for (number -= MANY; number >> GROUP; number >>= GROUP)
            *at++ = (uint8_t)(number | 1 << GROUP);
        *at++ = (uint8_t)number;
    }
    to->size = (size_t)(at - to->bytes);
    return 1;
}

static int put_many(struct written *to, unsigned kind, const void *bytes, Py_ssize_t size) {
    if (!put_number(to, kind, (uint64_t)size) || !written_reserve(to, (size_t)size)) return 0;
    memcpy(to->bytes + to->size, bytes, (size_t)size);
    to->size += (size_t)size;
    return 1;
}

static int put_text(struct written *to, PyObject *text) {
    if (PyUnicode_IS_COMPACT_ASCII(text))
        return put_many(to, TEXT, PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text));
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (bytes == NULL) return 0;
    int is_put = put_many(to, TEXT, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return is_put;
}

static int put_int(struct written *to, PyObject *value) {
    long long number = PyLong_AsLongLong(value);
    if (number == -1 && PyErr_Occurred()) return 0;
    if (number < 0) return put_number(to, NEGATIVE, (uint64_t)(-1 - number));
    return put_number(to, NATURAL, (uint64_t)number);
}

int put_value(struct written *to, PyObject *value, int depth) {
    if (PyBytes_CheckExact(value))
        return put_many(to, BYTES, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    if (PyUnicode_CheckExact(value)) return put_text(to, value);
    if (value == Py_None) return put_number(to, SINGLE, NONE);
    if (PyBool_Check(value)) return put_number(to, SINGLE, value == Py_True ? TRUE : FALSE);
    if (PyLong_CheckExact(value)) return put_int(to, value);
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        if (!put_number(to, SINGLE, FLOAT) || !written_reserve(to, sizeof number)) return 0;
        memcpy(to->bytes + to->size, &number, sizeof number);
        to->size += sizeof number;
        return 1;
    }
    if (!PyTuple_CheckExact(value) || depth == 0) {
        PyErr_Format(PyExc_TypeError, "cannot be packed: %.100s", Py_TYPE(value)->tp_name);
        return 0;
    }
    Py_ssize_t size = PyTuple_GET_SIZE(value);
    int is_put = put_number(to, TUPLE, (uint64_t)size);
    for (Py_ssize_t i = 0; is_put && i < size; i++)
        is_put = put_value(to, PyTuple_GET_ITEM(value, i), depth - 1);
    return is_put;
}

static PyObject *no_value(void) {
    PyErr_SetString(PyExc_ValueError, "not what was packed");
    return NULL;
}

/* The kind and the number at `*from`; -1 where they are not whole. */
static int get_number(const uint8_t **from, const uint8_t *end, uint64_t *number) {
    if (*from == end) return -1;
    uint8_t first = *(*from)++;
    *number = first >> KIND_BITS;
    if (*number < MANY) return first & ((1 << KIND_BITS) - 1);
    uint64_t more = 0;
    for (int i = 0; i < MOST_GROUPS && *from < end; i++) {
        uint8_t group = *(*from)++;
        more |= (uint64_t)(group & ((1 << GROUP) - 1)) << (GROUP * i);
        if (group >> GROUP) continue;
        *number += more;
        return first & ((1 << KIND_BITS) - 1);
    }
    return -1;
}

static PyObject *get_single(const uint8_t **from, const uint8_t *end, uint64_t which) {
    double number;
    switch (which) {
    case NONE:
        Py_RETURN_NONE;
    case FALSE:
        Py_RETURN_FALSE;
    case TRUE:
        Py_RETURN_TRUE;
    case FLOAT:
        if ((size_t)(end - *from) < sizeof number) return no_value();
        memcpy(&number, *from, sizeof number);
        *from += sizeof number;
        return PyFloat_FromDouble(number);
    default:
        return no_value();
    }
}

static PyObject *get_tuple(const uint8_t **from, const uint8_t *end, uint64_t size, int depth) {
    if (depth == 0 || size > (uint64_t)(end - *from)) return no_value();
    PyObject *made = PyTuple_New((Py_ssize_t)size);
    for (Py_ssize_t i = 0; made != NULL && i < (Py_ssize_t)size; i++) {
        PyObject *one = get_value(from, end, depth - 1);
        if (one == NULL)
            Py_CLEAR(made);
        else
            PyTuple_SET_ITEM(made, i, one);
    }
    return made;
}

PyObject *get_value(const uint8_t **from, const uint8_t *end, int depth) {
    uint64_t number = 0;
    int kind = get_number(from, end, &number);
    if (kind == SINGLE) return get_single(from, end, number);
    if (kind == TUPLE) return get_tuple(from, end, number, depth);
    if (number > INT64_MAX) return no_value();
    if (kind == NATURAL) return PyLong_FromUnsignedLongLong(number);
    if (kind == NEGATIVE) return PyLong_FromLongLong(-1 - (long long)number);
    if ((kind != TEXT && kind != BYTES) || number > (uint64_t)(end - *from)) return no_value();
    const char *start = (const char *)*from;
    *from += number;
    return kind == BYTES
        ? PyBytes_FromStringAndSize(start, (Py_ssize_t)number)
        : PyUnicode_DecodeUTF8(start, (Py_ssize_t)number, "surrogatepass");
}
