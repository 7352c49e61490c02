/* Datagrams in and out of a non-blocking socket, their addresses as bytes.
 *
 * Python makes a text and a tuple of each address, reads them again for each answer, and sets aside
 * 64 KiB for each datagram: 0.5 µs for one that is read, 0.2 for one that is sent; on a wildcard 1.0
 * and 0.4. `_datagrams.pyi` says what is given. The interpreter is not released: no call waits. */

#define _GNU_SOURCE /* struct in6_pktinfo */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
    MAX_DATAGRAM = 65535,
    IPV4 = 4,
    IPV6 = 16,
    PORT = 2,
    LONGEST_ORIGIN = IPV6 + PORT + IPV6,
};

/* What the kernel tells beside a datagram: which local address it was sent to. */
union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
};

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static char buffer[MAX_DATAGRAM]; /* only ever used while the interpreter is held */

/* Append the local address that a datagram was sent to; how many bytes that is, 0 for unknown. */
static size_t put_local(struct msghdr *message, char *to) {
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(one), sizeof info);
            int is_early = info.ipi_spec_dst.s_addr == 0; /* before this socket was ours */
            memcpy(to, is_early ? &info.ipi_addr : &info.ipi_spec_dst, IPV4);
            return IPV4;
        }
        if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(one), sizeof info);
            memcpy(to, &info.ipi6_addr, IPV6);
            return IPV6;
        }
    }
    return 0;
}

/* Who sent a datagram, and the address that it was sent to: bytes in network order. */
static PyObject *origin_of(const union address *from, struct msghdr *message) {
    char origin[LONGEST_ORIGIN];
    size_t size;
    if (from->any.sa_family == AF_INET6) {
        memcpy(origin, &from->six.sin6_addr, IPV6);
        memcpy(origin + IPV6, &from->six.sin6_port, PORT);
        size = IPV6 + PORT;
    } else {
        memcpy(origin, &from->four.sin_addr, IPV4);
        memcpy(origin + IPV4, &from->four.sin_port, PORT);
        size = IPV4 + PORT;
    }
    if (message->msg_controllen) size += put_local(message, origin + size);
    return PyBytes_FromStringAndSize(origin, (Py_ssize_t)size);
}

/* Read one datagram: (data, origin); NULL where there is none, with `error` as it was told, or 0
 * and an exception. */
static PyObject *receive_one(int socket, int with_local, int *error) {
    union address from;
    union control control;
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = with_local ? control.space : NULL,
        .msg_controllen = with_local ? sizeof control : 0,
    };
    ssize_t size;
    if (with_local)
        size = recvmsg(socket, &message, MSG_DONTWAIT);
    else /* 0.1 µs less */
        size = recvfrom(
            socket, buffer, sizeof buffer, MSG_DONTWAIT, &from.any, &message.msg_namelen
        );
    *error = size < 0 ? errno : 0;
    if (size < 0) return NULL;
    PyObject *data = PyBytes_FromStringAndSize(buffer, (Py_ssize_t)size);
    PyObject *origin = data == NULL ? NULL : origin_of(&from, &message);
    PyObject *made = origin == NULL ? NULL : PyTuple_Pack(2, data, origin);
    Py_XDECREF(data);
    Py_XDECREF(origin);
    return made;
}

static PyObject *receive(PyObject *module, PyObject *arguments) {
    int socket, with_local, error = 0;
    Py_ssize_t most;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "inp:receive", &socket, &most, &with_local)) return NULL;
    PyObject *received = PyList_New(0);
    if (received == NULL) return NULL;
    while (PyList_GET_SIZE(received) < most) {
        PyObject *one = receive_one(socket, with_local, &error);
        if (one == NULL && error) break;
        if (one == NULL || PyList_Append(received, one) < 0) {
            Py_XDECREF(one);
            Py_DECREF(received);
            return NULL;
        }
        Py_DECREF(one);
    }
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) error = 0;
    return Py_BuildValue("Ni", received, error);
}

/* Have a datagram leave from a local address. */
static void set_local(
    struct msghdr *message, union control *control, const char *local, Py_ssize_t size
) {
    memset(control, 0, sizeof *control);
    message->msg_control = control->space;
    message->msg_controllen = sizeof control->space;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (size == IPV4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, local, IPV4);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(header), &info, sizeof info);
        message->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, local, IPV6);
        header->cmsg_level = IPPROTO_IPV6;
        header->cmsg_type = IPV6_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(header), &info, sizeof info);
        message->msg_controllen = CMSG_SPACE(sizeof info);
    }
}

/* The address in bytes as `to`; its size, 0 where it is none. */
static socklen_t read_remote(const char *remote, Py_ssize_t size, union address *to) {
    memset(to, 0, sizeof *to);
    if (size == IPV4 + PORT) {
        to->four.sin_family = AF_INET;
        memcpy(&to->four.sin_addr, remote, IPV4);
        memcpy(&to->four.sin_port, remote + IPV4, PORT);
        return sizeof to->four;
    }
    if (size == IPV6 + PORT) {
        to->six.sin6_family = AF_INET6;
        memcpy(&to->six.sin6_addr, remote, IPV6);
        memcpy(&to->six.sin6_port, remote + IPV6, PORT);
        return sizeof to->six;
    }
    return 0;
}

static PyObject *send_one(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 4 || !PyBytes_Check(arguments[1]) || !PyBytes_Check(arguments[2])
        || !PyBytes_Check(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "send(socket, data, remote, local), the last three bytes");
        return NULL;
    }
    long socket = PyLong_AsLong(arguments[0]);
    if (socket == -1 && PyErr_Occurred()) return NULL;
    PyObject *data = arguments[1], *remote = arguments[2], *local = arguments[3];
    union address to;
    union control control;
    struct iovec part = {PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)};
    struct msghdr message = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1};
    message.msg_namelen = read_remote(PyBytes_AS_STRING(remote), PyBytes_GET_SIZE(remote), &to);
    Py_ssize_t local_size = PyBytes_GET_SIZE(local);
    int is_local = local_size == 0 || local_size == PyBytes_GET_SIZE(remote) - PORT;
    if (!message.msg_namelen || !is_local) {
        PyErr_SetString(PyExc_ValueError, "no such address");
        return NULL;
    }
    ssize_t sent;
    if (local_size) {
        set_local(&message, &control, PyBytes_AS_STRING(local), local_size);
        sent = sendmsg((int)socket, &message, MSG_DONTWAIT);
    } else { /* 0.1 µs less */
        sent = sendto(
            (int)socket, part.iov_base, part.iov_len, MSG_DONTWAIT, &to.any, message.msg_namelen
        );
    }
    return PyLong_FromLong(sent < 0 ? errno : 0);
}

static PyMethodDef functions[] = {
    {"receive", receive, METH_VARARGS, "What has come in, and why no more could be read."},
    {"send", (PyCFunction)(void (*)(void))send_one, METH_FASTCALL,
      "Send a datagram; the error number, or 0."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_datagrams", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__datagrams(void) { return PyModule_Create(&definition); }
