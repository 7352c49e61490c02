"""A phone made of liblinphone, driven over stdin and stdout: see `phone.py`.

    linphone.py AOR PROXY TRANSPORT PASSWORD CERTIFICATES

In the folder CERTIFICATES is cafile.pem: whom it trusts.

It is a program of its own, because a library written in C can crash.
"""

import os
import select
import sys
from contextlib import suppress
from ctypes import CDLL, CFUNCTYPE, c_char_p, c_int, c_void_p
from typing import Any

_NAMES = ("liblinphone.so", "liblinphone.so.10")
"""With the package for developers, and with the library of Debian 12 alone."""
_EVERY = 0.02
"""Seconds between two looks at the network."""
_TYPE = (b"application", b"x-as-feature-event+xml")
_TERMINATED, _ERROR = 5, 6
"""Of `LinphoneSubscriptionState`."""
_RANDOM_PORT = -1
_ON_NOTIFY = CFUNCTYPE(None, c_void_p, c_void_p, c_char_p, c_void_p)
_ON_STATE = CFUNCTYPE(None, c_void_p, c_void_p, c_int)


def _load() -> CDLL:
    for name in _NAMES:
        with suppress(OSError):
            return CDLL(name)
    sys.exit("needs liblinphone (Debian package liblinphone-dev)")


class _Library:
    """Functions of liblinphone by name without its prefix, which give pointers or texts."""

    def __init__(self) -> None:
        self._library, self._lists = _load(), CDLL("libbctoolbox.so.1")

    def call(self, name: str, *arguments: Any) -> Any:
        """Call `linphone_NAME`; texts are bytes, small integers ints, all else pointers."""
        return self._run(getattr(self._library, f"linphone_{name}"), c_void_p, arguments)

    def number(self, name: str, *arguments: Any) -> int:
        """What `linphone_NAME` returns, an int or a `bool_t`."""
        return int(self._run(getattr(self._library, f"linphone_{name}"), c_int, arguments))

    def text(self, name: str, *arguments: Any) -> str:
        """What `linphone_NAME` returns, on one line."""
        text = self._run(getattr(self._library, f"linphone_{name}"), c_char_p, arguments)
        return " ".join((text or b"").decode().split())

    def items(self, head: int | None) -> list[int]:
        """The pointers in a list."""
        found = []
        while head:
            found.append(self._run(self._lists.bctbx_list_get_data, c_void_p, (head,)))
            head = self._run(self._lists.bctbx_list_next, c_void_p, (head,))
        return found

    @staticmethod
    def _run(function: Any, result: Any, arguments: tuple[Any, ...]) -> Any:
        """Numbers that do not fit an int are pointers; ctypes would cut them."""
        function.restype = result
        wide = (c_void_p(a) if isinstance(a, int) and abs(a) > 0xFFFF else a for a in arguments)
        return function(*wide)


def _say(*words: str) -> None:
    print("\t".join(words), flush=True)  # noqa: T201 - this is how it answers


class _Phone:
    def __init__(
        self, aor: str, proxy: str, transport: str, password: str, certificates: str
    ) -> None:
        self._linphone = _Library()
        call = self._linphone.call
        self._factory = call("factory_get")
        self._core = call("factory_create_core_3", self._factory, None, None, None)
        self._hear()
        self._transport(transport)
        call("core_set_root_ca", self._core, f"{certificates}/cafile.pem".encode())
        if self._linphone.number("core_start", self._core) != 0:
            raise SystemExit("linphone_core_start failed")
        self._account(aor, proxy)
        self._password(aor, password)
        self._aor, self._event = self._address(aor), 0

    def _hear(self) -> None:
        """Ask for what is received; Python must keep the functions alive."""
        self._kept = (_ON_NOTIFY(self._on_notify), _ON_STATE(self._on_state))
        callbacks = self._linphone.call("factory_create_core_cbs", self._factory)
        self._linphone.call("core_cbs_set_notify_received", callbacks, self._kept[0])
        self._linphone.call("core_cbs_set_subscription_state_changed", callbacks, self._kept[1])
        self._linphone.call("core_add_callbacks", self._core, callbacks)

    def _transport(self, transport: str) -> None:
        transports = self._linphone.call("factory_create_transports", self._factory)
        for kind in ("udp", "tcp", "tls", "dtls"):
            port = _RANDOM_PORT if kind == transport else 0
            self._linphone.call(f"transports_set_{kind}_port", transports, port)
        self._linphone.call("core_set_transports", self._core, transports)

    def _account(self, aor: str, proxy: str) -> None:
        """Send everything to the proxy, and do not register."""
        call = self._linphone.call
        params = call("core_create_account_params", self._core)
        call("account_params_set_identity_address", params, self._address(aor))
        call("account_params_set_server_address", params, self._address(proxy))
        call("account_params_set_register_enabled", params, 0)
        call("account_params_set_outbound_proxy_enabled", params, 1)
        account = call("core_create_account", self._core, params)
        call("core_add_account", self._core, account)
        call("core_set_default_account", self._core, account)

    def _password(self, aor: str, password: str) -> None:
        """Answer each challenge by whatever algorithm it names."""
        user = aor.removeprefix("sip:").partition("@")[0].encode()
        given = (user, None, password.encode(), None, None, None)
        info = self._linphone.call("factory_create_auth_info", self._factory, *given)
        self._linphone.call("core_add_auth_info", self._core, info)

    def _address(self, uri: str) -> Any:
        return self._linphone.call("factory_create_address", self._factory, uri.encode())

    def _on_notify(self, _core: int, event: int, _name: bytes, content: int | None) -> None:
        state = self._linphone.text("event_get_custom_header", event, b"Subscription-State")
        parts = []
        if content and self._linphone.number("content_is_multipart", content) & 0xFF:
            parts = self._linphone.items(self._linphone.call("content_get_parts", content))
        elif content:
            parts = [content]
        _say("notify", state, *(word for part in parts for word in self._document(part)))

    def _document(self, content: int) -> tuple[str, str]:
        text = self._linphone.text
        kind = "/".join(text(f"content_get_{half}", content) for half in ("type", "subtype"))
        return kind, text("content_get_utf8_text", content)

    def _on_state(self, _core: int, event: int, state: int) -> None:
        if state == _TERMINATED:
            _say("ended")
        elif state == _ERROR:
            _say("failed", str(self._linphone.number("event_get_reason", event)))

    def obey(self, line: str) -> None:
        command, _, body = line.partition(" ")
        if command == "unsubscribe":
            self._linphone.call("event_terminate", self._event)
        elif self._event:
            self._linphone.call("event_update_subscribe", self._event, self._content(body))
        else:
            new = "core_create_subscribe"
            self._event = self._linphone.call(new, self._core, self._aor, b"as-feature-event", 3600)
            self._linphone.call("event_ref", self._event)
            self._linphone.call("event_send_subscribe", self._event, self._content(body))

    def _content(self, body: str) -> Any:
        if not body:
            return None
        content = self._linphone.call("core_create_content", self._core)
        self._linphone.call("content_set_type", content, _TYPE[0])
        self._linphone.call("content_set_subtype", content, _TYPE[1])
        self._linphone.call("content_set_utf8_text", content, body.encode())
        return content

    def run(self) -> None:
        """Until stdin ends."""
        _say("ready")
        while True:
            self._linphone.call("core_iterate", self._core)
            if select.select([sys.stdin], [], [], _EVERY)[0]:
                line = os.read(sys.stdin.fileno(), 4096).decode()
                if not line:
                    break
                self.obey(line.strip())
        self._linphone.call("core_stop", self._core)


if __name__ == "__main__":
    _Phone(*sys.argv[1:]).run()
