/* What `wire` describes, as Python objects: `_wire.pyi` says what they are. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "wire.h"

static PyObject *methods[WIRE_METHODS];
static PyTypeObject *uri_type;          /* dfks_rules.sip.uri.SipUri */
static PyObject *schemes[2];            /* by whether it is secure */

/* --- Pieces of a message: each gives a new reference, or NULL with an exception --- */

static PyObject *piece(const uint8_t *data, uint32_t start, uint32_t end) {
    return PyBytes_FromStringAndSize((const char *)data + start, (Py_ssize_t)(end - start));
}

static PyObject *text_of(const uint8_t *data, struct wire_span span) {
    return piece(data, span.start, span.end);
}

/* A number that is negative where there is none. */
static PyObject *number_or_none(int64_t number) {
    return number < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(number);
}

/* A named tuple without the call of its constructor, a Python function: 50 ns, not 300. */
static PyObject *uri_of(const uint8_t *data, const struct wire_uri *uri) {
    PyObject *made = uri_type->tp_alloc(uri_type, 6);
    if (made == NULL) return NULL;
    PyTuple_SET_ITEM(made, 0, Py_NewRef(schemes[uri->secure]));
    PyTuple_SET_ITEM(made, 1, text_of(data, uri->user));
    PyTuple_SET_ITEM(made, 2, text_of(data, uri->host));
    PyTuple_SET_ITEM(made, 3, number_or_none(uri->port ? (int64_t)uri->port : -1));
    PyTuple_SET_ITEM(made, 4, text_of(data, uri->params));
    PyTuple_SET_ITEM(made, 5, PyBytes_FromStringAndSize(NULL, 0));
    return made;
}

/* The Via values from number `first` on, each but the first of all with a comma before it. */
static PyObject *vias_from(
    const uint8_t *data, const struct wire_request *request, uint32_t first
) {
    size_t size = 0;
    for (uint32_t i = first; i < request->via_count; i++)
        size += request->vias[i].end - request->vias[i].start + (i ? 2 : 0);
    PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (made == NULL) return NULL;
    char *to = PyBytes_AS_STRING(made);
    for (uint32_t i = first; i < request->via_count; i++) {
        if (i) {
            *to++ = ',';
            *to++ = ' ';
        }
        size_t length = request->vias[i].end - request->vias[i].start;
        memcpy(to, data + request->vias[i].start, length);
        to += length;
    }
    return made;
}

static PyObject *values_of(const uint8_t *data, const struct wire_request *request) {
    PyObject *made = PyTuple_New(WIRE_GIVEN);
    if (made == NULL) return NULL;
    for (Py_ssize_t i = 0; i < WIRE_GIVEN; i++) {
        const struct wire_span *span = &request->values[i];
        PyObject *value;
        if (i == WIRE_VIA && request->via_count > 1)
            value = vias_from(data, request, 0);
        else
            value = span->start ? text_of(data, *span) : Py_NewRef(Py_None);
        PyTuple_SET_ITEM(made, i, value);
    }
    return made;
}

/* --- The two functions --- */

/* A tuple of new references; NULL where one of them is. It takes them over. */
static PyObject *tuple_of(PyObject *const *items, Py_ssize_t count) {
    PyObject *made = PyTuple_New(count);
    int is_whole = made != NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        is_whole = is_whole && items[i] != NULL;
        if (made == NULL)
            Py_XDECREF(items[i]);
        else
            PyTuple_SET_ITEM(made, i, items[i]);
    }
    if (!is_whole) Py_CLEAR(made);
    return made;
}

/* Whether each item is there: one is NULL when there was no memory for it. */
static int is_whole(PyObject *tuple) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (PyTuple_GET_ITEM(tuple, i) == NULL) return 0;
    return 1;
}

static PyObject *whole(PyObject *tuple) {
    if (tuple != NULL && !is_whole(tuple)) Py_CLEAR(tuple);
    return tuple;
}

static PyObject *split_request(PyObject *module, PyObject *message) {
    struct wire_request found;
    (void)module;
    if (!PyBytes_CheckExact(message)) Py_RETURN_NONE;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(message);
    if (!wire_split_request(data, (size_t)PyBytes_GET_SIZE(message), &found)) Py_RETURN_NONE;
    const struct wire_via *via = &found.via;
    struct wire_span top = found.vias[0];
    int has_rport = via->rport.start < via->rport.end;
    PyObject *items[] = {
        Py_NewRef(methods[found.method]),
        text_of(data, found.target),
        whole(values_of(data, &found)),
        text_of(data, found.body),
        PyLong_FromUnsignedLong(found.cseq),
        whole(uri_of(data, &found.uri)),
        text_of(data, via->sent_by),
        text_of(data, via->host),
        number_or_none(via->port),
        text_of(data, via->branch),
        piece(data, top.start, has_rport ? via->rport.start : top.end),
        has_rport ? piece(data, via->rport.end, top.end) : Py_NewRef(Py_None),
        vias_from(data, &found, 1),
        text_of(data, found.from.uri),
        text_of(data, found.from.tag),
        text_of(data, found.to.uri),
        text_of(data, found.to.tag),
    };
    return tuple_of(items, (Py_ssize_t)(sizeof items / sizeof *items));
}

static PyObject *split_response(PyObject *module, PyObject *message) {
    struct wire_response found;
    (void)module;
    if (!PyBytes_CheckExact(message)) Py_RETURN_NONE;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(message);
    if (!wire_split_response(data, (size_t)PyBytes_GET_SIZE(message), &found)) Py_RETURN_NONE;
    PyObject *items[] = {PyLong_FromUnsignedLong(found.status), text_of(data, found.branch)};
    return tuple_of(items, 2);
}

/* --- The module --- */

static PyMethodDef functions[] = {
    {"split_request", split_request, METH_O, "A request of the usual shape; None for others."},
    {"split_response", split_response, METH_O, "A response to a NOTIFY; None for others."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_wire", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__wire(void) {
    PyObject *uri = PyImport_ImportModule("dfks_rules.sip.uri");
    if (uri == NULL) return NULL;
    PyObject *found = PyObject_GetAttrString(uri, "SipUri");
    Py_DECREF(uri);
    if (found == NULL) return NULL;
    if (!PyType_Check(found) || !PyType_IsSubtype((PyTypeObject *)found, &PyTuple_Type)) {
        Py_DECREF(found);
        PyErr_SetString(PyExc_TypeError, "SipUri is no named tuple");
        return NULL;
    }
    uri_type = (PyTypeObject *)found;
    schemes[0] = PyBytes_FromString("sip");
    schemes[1] = PyBytes_FromString("sips");
    if (schemes[0] == NULL || schemes[1] == NULL) return NULL;
    for (int i = 0; i < WIRE_METHODS; i++) {
        methods[i] = PyBytes_FromString(wire_method_names[i]);
        if (methods[i] == NULL) return NULL;
    }
    return PyModule_Create(&definition);
}
