"""A network of hosts of their own that loses, delays and cuts what goes from one to another.

Each host is a network namespace of Linux with one TUN device: what its kernel sends comes to
`Network`, packet by packet, and goes from there to the kernel of another host, later, or never. So
UDP and TCP meet real loss, also on kernels without netem and netfilter. The first host is the
thread's that makes the network, and of the programs that it starts; others run what `Host.command`
begins. Namespaces have no names, and end with the last program that is in them.

All addresses are on loopback (127.0.0.0/8), as far as programs see, so they are set up as always.
"""

import asyncio
import ctypes
import fcntl
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import inet_aton

MTU = 1500
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_HERE = "/proc/thread-self/ns/net"
_SYSCTLS = {
    f"{name}/{setting}": value
    for name in ("all", "tun0")
    for setting, value in (("route_localnet", "1"), ("rp_filter", "0"))
}
"""Addresses of loopback may come from elsewhere."""


class NoNetworkError(Exception):
    """This machine allows none; says why."""


@dataclass
class Way:
    """From one address to another; the way back is another one."""

    loss: float = 0.0
    """How many of all packets are lost, 0…1; with 1 it is cut."""
    delay: tuple[float, float] = (0.0, 0.0)
    """From and to, s; packets overtake each other."""


class Host:
    """A namespace, and the device by which it is reached."""

    def __init__(self, *addresses: str) -> None:
        """Make it, and leave the thread in it.

        Args:
            addresses: its own; it sends from the first one, unless it says otherwise.

        Raises:
            OSError: that is not allowed here.
            subprocess.CalledProcessError: `ip` fails.
        """
        self.addresses = addresses
        _call("unshare", _CLONE_NEWNET)
        self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        request = struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(self.device, _TUNSETIFF, request)
        lines = [
            "link set lo up",
            "addr flush dev lo",
            "addr add 127.0.0.1/32 dev lo",
            f"link set tun0 up mtu {MTU}",
            *[f"addr add {one}/32 dev tun0 scope global" for one in addresses],
            f"route add 127.0.0.0/8 dev tun0 src {addresses[0]}",
        ]
        subprocess.run(
            ["ip", "-batch", "-"], input="\n".join(lines).encode(), check=True, capture_output=True
        )
        for name, value in _SYSCTLS.items():
            Path("/proc/sys/net/ipv4/conf", name).write_text(value, "ascii")
        self._namespace = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def command(self) -> list[str]:
        """What a command begins with that is to run in it; the process is that of the command."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._namespace}"]

    def enter(self) -> None:
        """Have the thread, and threads and programs that it starts, be in it from now on."""
        _call("setns", self._namespace, _CLONE_NEWNET)

    def receive(self, packet: bytes) -> None:
        """Its kernel gets a packet, unless too many wait for it."""
        with suppress(OSError):
            os.write(self.device, packet)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.device)
        os.close(self._namespace)
        self.device = self._namespace = -1


class Network:
    """Hosts, and the ways between them."""

    def __init__(self, hosts: list[Host], dice: random.Random) -> None:
        """Nothing is passed on yet.

        Args:
            hosts: all of them; nothing goes from one to another until there is a way.
            dice: decides what is lost, and how late the rest comes.
        """
        self.hosts = hosts
        self._dice = dice
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ways: dict[bytes, tuple[Way, Host]] = {}
        """Source and destination, as in a packet → the way, and the host that it leads to."""
        self.passed = self.lost = 0
        """Packets."""

    def way(self, source: str, destination: str) -> Way:
        """The way from one address to another, which is there from now on."""
        [there] = [one for one in self.hosts if destination in one.addresses]
        key = inet_aton(source) + inet_aton(destination)
        return self._ways.setdefault(key, (Way(), there))[0]

    def open(self) -> None:
        """Pass packets on, in this event loop, until `close`."""
        loop = self._loop = asyncio.get_running_loop()
        for host in self.hosts:
            loop.add_reader(host.device, self._read, host, loop)

    def close(self) -> None:
        """Let go of the hosts; nothing is passed on any more."""
        for host in self.hosts:
            if self._loop is not None:
                self._loop.remove_reader(host.device)
            host.close()

    def _read(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(64):  # Others have their turn, too.
            try:
                packet = os.read(host.device, MTU)
            except BlockingIOError:
                return
            # RFC 791 §3.1: source and destination. What is IPv6 has no way.
            found = self._ways.get(packet[12:20])
            if found is None:
                continue
            way, there = found
            if way.loss and self._dice.random() < way.loss:
                self.lost += 1
                continue
            self.passed += 1
            if way.delay[1]:
                loop.call_later(self._dice.uniform(*way.delay), there.receive, packet)
            else:
                there.receive(packet)


@contextmanager
def network(dice: random.Random, *hosts: Sequence[str]) -> Iterator[Network]:
    """Be on the first of some hosts until the block ends.

    Args:
        dice: see `Network`.
        hosts: addresses of each.

    Raises:
        NoNetworkError: this machine allows none.
    """
    for tool in ("ip", "nsenter"):
        if shutil.which(tool) is None:
            raise NoNetworkError(f"there is no {tool}")
    before = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    net = Network([], dice)
    try:
        try:
            for addresses in hosts:
                net.hosts.append(Host(*addresses))
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoNetworkError(str(error)) from error
        net.hosts[0].enter()
        yield net
    finally:
        if not os.path.samestat(os.stat(_HERE), os.fstat(before)):
            _call("setns", before, _CLONE_NEWNET)
        os.close(before)
        net.close()


def _call(name: str, *arguments: int) -> None:
    """A system call of the thread; `os` has these since Python 3.12."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
