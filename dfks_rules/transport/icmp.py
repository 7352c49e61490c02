"""ICMP errors about datagrams: which one nobody took (RFC 3261 §18.4).

Linux keeps them in a queue of the socket, each with the beginning of its datagram. While there are
any, the socket fails once at the next call, whatever that is about.
"""

import errno
import socket
import struct
from collections.abc import Iterator

_IP_RECVERR, _IPV6_RECVERR = 11, 25
"""Of Linux's <linux/in.h> and <linux/in6.h>; Python does not name them."""
_ERROR = struct.Struct("@IBBBBII")
"""struct sock_extended_err: error number, origin, type, code, padding, info, data."""
_FATAL = frozenset((errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENOPROTOOPT))
"""Others tell of the path, such as datagrams that are too long for it."""
_QUOTED = 2048
"""Most bytes of a datagram that are read; routers quote a few hundred."""
MOST = 64
"""Most errors taken at a time."""


def keep_errors(made: socket.socket) -> None:
    """Have the kernel keep the errors of a datagram socket."""
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def take_errors(made: socket.socket) -> Iterator[bytes]:
    """The beginning of each datagram that nobody took."""
    space = socket.CMSG_SPACE(_ERROR.size + 28)  # The address of who sent the error follows it.
    for _ in range(MOST):
        try:
            data, ancillary, _, _ = made.recvmsg(_QUOTED, space, socket.MSG_ERRQUEUE)
        except OSError:  # There are no more.
            return
        for _, kind, info in ancillary:
            is_error = kind in (_IP_RECVERR, _IPV6_RECVERR) and len(info) >= _ERROR.size
            if is_error and _ERROR.unpack_from(info)[0] in _FATAL:
                yield data
