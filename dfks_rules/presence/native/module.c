/* What `packing.h` and `values.h` describe, for Python: `_packing.pyi` says what is given. */

#include "packing.h"
#include "values.h"

#include <string.h>

enum {
    ROOM = 4096, /* for what nearly always fits, so that no memory is asked for */
};

/* What `learn` gave: a table, and what it is of. */
struct learnt {
    const struct packing_table *table;
    const uint8_t *like;
    size_t size;
};

static const uint8_t *bytes_of(PyObject *object) {
    return (const uint8_t *)PyBytes_AS_STRING(object);
}

static size_t size_of(PyObject *object) { return (size_t)PyBytes_GET_SIZE(object); }

static int are_bytes(PyObject *const *arguments, int wanted) {
    int are = 1;
    for (int i = 0; are && i < wanted; i++) are = PyBytes_Check(arguments[i]);
    if (!are) PyErr_SetString(PyExc_TypeError, "needs bytes");
    return are;
}

static int know(struct learnt *learnt, PyObject *given) {
    if (size_of(given) < sizeof *learnt->table) {
        PyErr_SetString(PyExc_ValueError, "nothing was learnt");
        return 0;
    }
    learnt->table = (const struct packing_table *)(const void *)bytes_of(given);
    learnt->like = bytes_of(given) + sizeof *learnt->table;
    learnt->size = size_of(given) - sizeof *learnt->table;
    return 1;
}

static int put_bytes(struct written *to, const uint8_t *bytes, size_t size) {
    if (!written_reserve(to, size)) return 0;
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
    return 1;
}

static PyObject *learn(PyObject *module, PyObject *value) {
    uint8_t room[ROOM];
    struct packing_table table;
    struct written all = {room, sizeof table, sizeof room, room};
    PyObject *made = NULL;
    (void)module;
    if (put_value(&all, value, VALUES_DEPTH)) {
        size_t size = all.size - sizeof table;
        if (size > PACKING_LIKE) size = PACKING_LIKE;
        packing_learn(&table, all.bytes + sizeof table, size);
        memcpy(all.bytes, &table, sizeof table);
        made = PyBytes_FromStringAndSize((char *)all.bytes, (Py_ssize_t)(sizeof table + size));
    }
    written_free(&all);
    return made;
}

static PyObject *pack(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    struct learnt learnt;
    uint8_t room[ROOM];
    struct written all = {room, 0, sizeof room, room};
    PyObject *made = NULL;
    (void)module;
    if (count != 4) return PyErr_SetString(PyExc_TypeError, "needs four values"), NULL;
    if (!are_bytes(arguments, 3) || !know(&learnt, arguments[0])) return NULL;
    PyObject *known = arguments[1], *head = arguments[2];
    size_t start = learnt.size + size_of(known);
    if (put_bytes(&all, learnt.like, learnt.size)
        && put_bytes(&all, bytes_of(known), size_of(known))
        && put_value(&all, arguments[3], VALUES_DEPTH)) {
        size_t end = all.size;
        if (put_bytes(&all, bytes_of(head), size_of(head))
            && written_reserve(&all, packing_most(end - start))) {
            uint8_t *to = all.bytes + all.size;
            size_t size = packing_pack(learnt.table, all.bytes, learnt.size, start, end, to);
            made = PyBytes_FromStringAndSize(
                (char *)all.bytes + end, (Py_ssize_t)(size_of(head) + size)
            );
        }
    }
    written_free(&all);
    return made;
}

static PyObject *not_packed(void) {
    PyErr_SetString(PyExc_ValueError, "not what was packed");
    return NULL;
}

/* The value in bytes that end with it. */
static PyObject *whole_value(const uint8_t *from, const uint8_t *end) {
    PyObject *value = get_value(&from, end, VALUES_DEPTH);
    if (value != NULL && from != end) {
        Py_DECREF(value);
        return not_packed();
    }
    return value;
}

static PyObject *unpack(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    struct learnt learnt;
    uint8_t room[ROOM];
    struct written all = {room, 0, sizeof room, room};
    PyObject *made = NULL;
    (void)module;
    if (count != 4) return PyErr_SetString(PyExc_TypeError, "needs four values"), NULL;
    if (!are_bytes(arguments, 3) || !know(&learnt, arguments[0])) return NULL;
    PyObject *known = arguments[1];
    Py_ssize_t head = PyLong_AsSsize_t(arguments[3]);
    if (head == -1 && PyErr_Occurred()) return NULL;
    if (head < 0 || head > PyBytes_GET_SIZE(arguments[2])) return not_packed();
    const uint8_t *packed = bytes_of(arguments[2]) + head;
    size_t size = size_of(arguments[2]) - (size_t)head, given = packing_size(packed, size);
    if (given > (size_t)INTPTR_MAX / 4) return not_packed();
    if (put_bytes(&all, learnt.like, learnt.size)
        && put_bytes(&all, bytes_of(known), size_of(known)) && written_reserve(&all, given))
        made = packing_unpack(packed, size, all.bytes, learnt.size, all.size)
            ? whole_value(all.bytes + all.size, all.bytes + all.size + given)
            : not_packed();
    written_free(&all);
    return made;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_O, "Learn what others are like."},
    {"pack", (PyCFunction)(void (*)(void))pack, METH_FASTCALL, "A value as few bytes."},
    {"unpack", (PyCFunction)(void (*)(void))unpack, METH_FASTCALL, "The value that was packed."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_packing", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__packing(void) { return PyModule_Create(&definition); }
