"""Extensions of a switch, and the addresses and targets that they are here."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from dfks_rules.errors import ConfigError, Finding

EXTENSION = re.compile(r"[A-Za-z0-9+*._-]{1,64}")
"""What may be an extension: nothing that means something in a path, a header or a URI."""
_DIALLED = re.compile(r"[A-Za-z0-9+*#._-]{1,128}")
_SEPARATORS = str.maketrans("", "", "-.()")
"""RFC 3966, section 5.1.1: visual separators of a number mean nothing."""


class Numbering(NamedTuple):
    """Which presentity an extension is, and the other way round."""

    domain: str
    """Of the presentities, in lower case."""
    before: str = ""
    """What stands before the extension in the user of an address."""
    after: str = ""
    """What stands behind it."""

    def presentity_of(self, extension: str) -> str:
        """The presentity of an extension."""
        return f"sip:{self.before}{extension}{self.after}@{self.domain}"

    def extension_of(self, presentity: str) -> str | None:
        """The extension of a presentity; None where it is none of this switch."""
        user, _, host = presentity.removeprefix("sip:").rpartition("@")
        extension = user.removeprefix(self.before).removesuffix(self.after)
        is_ours = host == self.domain and user == f"{self.before}{extension}{self.after}"
        return extension if is_ours and EXTENSION.fullmatch(extension) else None

    def dialled(self, target: str) -> str:
        """A target as one dials it at the switch; empty where one cannot.

        A SIP URI of the domain is its user, and the extension where it is one; of another domain,
        nothing that is dialled reaches it.
        """
        scheme, colon, rest = target.partition(":")
        kind = scheme.lower() if colon and scheme.lower() in ("sip", "sips", "tel") else ""
        address = (rest if kind else target).partition(";")[0].partition("?")[0]
        if kind == "tel":
            address = address.translate(_SEPARATORS)
        user, at, host = address.rpartition("@")
        if not at:
            # `sip:host` has no user.
            user = "" if kind in ("sip", "sips") else address
        elif host.lower() != self.domain:
            return ""
        user = unquote(user)
        dialled = (at and self.extension_of(f"sip:{user}@{self.domain}")) or user
        return dialled if _DIALLED.fullmatch(dialled) else ""


def numbering_of(pattern: str, domain: str) -> Numbering:
    """The numbering that a setting describes.

    Args:
        pattern: such as `{ext}@{domain}`.
        domain: of the presentities.

    Raises:
        ConfigError: `{ext}` is not in the user, just once, or `{domain}` is not behind the `@`.
    """
    user, _, host = pattern.partition("@")
    before, found, after = user.partition("{ext}")
    rest = before + after
    if host != "{domain}" or not found or (rest and not EXTENSION.fullmatch(rest)):
        message = f"`{pattern}` must look like `{{ext}}@{{domain}}` or `9{{ext}}@{{domain}}`"
        raise ConfigError([Finding("presentity", 0, 0, "config_bad_value", message)])
    return Numbering(domain.lower(), before, after)
