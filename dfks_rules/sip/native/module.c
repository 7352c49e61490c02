/* What `wire` describes, as Python objects: `_wire.pyi` says what they are. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "wire_values.h"

static PyObject *methods[WIRE_METHODS];
static PyObject *schemes[2]; /* by whether it is secure */
/* Named tuples, whose constructors are Python functions: without their call one takes 50 ns, not
 * 300. `name_types` names them; nothing is taken before that. */
static PyTypeObject *uri_type; /* dfks_rules.sip.uri.SipUri */
static PyTypeObject *aor_type; /* dfks_rules.model.identity.Aor */

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

/* The Via values from number `first` on, with a comma before each but the first of all. */
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

/* --- Messages --- */

/* A tuple, if each of its items is there: one is NULL when there was no memory for it. */
static PyObject *whole(PyObject *tuple) {
    for (Py_ssize_t i = 0; tuple != NULL && i < PyTuple_GET_SIZE(tuple); i++)
        if (PyTuple_GET_ITEM(tuple, i) == NULL) Py_CLEAR(tuple);
    return tuple;
}

/* A tuple of new references, which it takes over; NULL where one of them is. */
static PyObject *tuple_of(PyObject *const *items, Py_ssize_t count) {
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (made == NULL)
            Py_XDECREF(items[i]);
        else
            PyTuple_SET_ITEM(made, i, items[i]);
    }
    return whole(made);
}

static PyObject *split_request(PyObject *module, PyObject *message) {
    struct wire_request found;
    (void)module;
    if (!PyBytes_CheckExact(message) || uri_type == NULL) Py_RETURN_NONE;
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

/* --- Values --- */

static struct wire_span all_of(PyObject *text) {
    return (struct wire_span){0, (uint32_t)PyBytes_GET_SIZE(text)};
}

static int is_short(PyObject *text) {
    return PyBytes_CheckExact(text) && PyBytes_GET_SIZE(text) <= UINT16_MAX;
}

static PyObject *read_uri(PyObject *module, PyObject *text) {
    struct wire_uri found;
    (void)module;
    if (!is_short(text) || uri_type == NULL) Py_RETURN_NONE;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(text);
    if (!wire_read_uri(data, all_of(text), &found)) Py_RETURN_NONE;
    return whole(uri_of(data, &found));
}

static PyObject *read_address(PyObject *module, PyObject *value) {
    struct wire_address found;
    (void)module;
    if (!is_short(value)) Py_RETURN_NONE;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(value);
    if (!wire_read_address(data, all_of(value), &found)) Py_RETURN_NONE;
    PyObject *items[] = {text_of(data, found.uri), text_of(data, found.tag)};
    return tuple_of(items, 2);
}

/* ASCII without escapes as text; NULL for other bytes, without an exception, and for no memory. */
static PyObject *ascii_of(PyObject *bytes, int is_host) {
    Py_ssize_t size = PyBytes_GET_SIZE(bytes);
    const char *from = PyBytes_AS_STRING(bytes);
    for (Py_ssize_t i = 0; i < size; i++)
        if ((unsigned char)from[i] >= 0x80 || from[i] == '%') return NULL;
    PyObject *text = PyUnicode_New(size, 127);
    if (text == NULL) return NULL;
    Py_UCS1 *to = PyUnicode_1BYTE_DATA(text);
    for (Py_ssize_t i = 0; i < size; i++)
        to[i] = (Py_UCS1)(is_host && from[i] >= 'A' && from[i] <= 'Z' ? from[i] | 0x20 : from[i]);
    if (is_host) PyUnicode_InternInPlace(&text);
    return text;
}

static PyObject *make_aor(PyObject *module, PyObject *const *parts, Py_ssize_t count) {
    (void)module;
    if (count != 2 || !PyBytes_CheckExact(parts[0]) || !PyBytes_CheckExact(parts[1]))
        Py_RETURN_NONE;
    PyObject *user = aor_type == NULL ? NULL : ascii_of(parts[0], 0);
    PyObject *host = user == NULL ? NULL : ascii_of(parts[1], 1);
    PyObject *made = host == NULL ? NULL : aor_type->tp_alloc(aor_type, 2);
    if (made == NULL) {
        Py_XDECREF(user);
        Py_XDECREF(host);
        if (PyErr_Occurred()) return NULL;
        Py_RETURN_NONE;
    }
    PyTuple_SET_ITEM(made, 0, user);
    PyTuple_SET_ITEM(made, 1, host);
    return made;
}

/* --- The module --- */

static PyObject *name_types(PyObject *module, PyObject *arguments) {
    PyObject *uri, *aor;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O!:name_types", &PyType_Type, &uri, &PyType_Type, &aor))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)uri, &PyTuple_Type)
        || !PyType_IsSubtype((PyTypeObject *)aor, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "name_types() takes two types of named tuples");
        return NULL;
    }
    Py_XSETREF(uri_type, (PyTypeObject *)Py_NewRef(uri));
    Py_XSETREF(aor_type, (PyTypeObject *)Py_NewRef(aor));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"split_request", split_request, METH_O, "A request of the usual shape; None for others."},
    {"split_response", split_response, METH_O, "A response to a NOTIFY; None for others."},
    {"read_uri", read_uri, METH_O, "A usual SIP URI; None for others."},
    {"read_address", read_address, METH_O, "URI and tag of a usual address; None for others."},
    {"make_aor", (PyCFunction)(void (*)(void))make_aor, METH_FASTCALL,
     "The address of record of a usual user and host; None for others."},
    {"name_types", name_types, METH_VARARGS, "Say what SipUri and Aor are."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_wire", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__wire(void) {
    schemes[0] = PyBytes_FromString("sip");
    schemes[1] = PyBytes_FromString("sips");
    if (schemes[0] == NULL || schemes[1] == NULL) return NULL;
    for (int i = 0; i < WIRE_METHODS; i++) {
        methods[i] = PyBytes_FromString(wire_method_names[i]);
        if (methods[i] == NULL) return NULL;
    }
    return PyModule_Create(&definition);
}
