"""What is known of a user who authenticates by a password."""

from typing import Final, final

from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.sip.digest import Algorithm

_MD5: Final = Algorithm.MD5


@final
class Account:
    """One user's proof, without the password."""

    __slots__ = ("identity", "md5", "sha256")

    def __init__(self, aor: Aor, md5: bytes | None, sha256: bytes | None) -> None:
        self.identity: Final = Identity(aor, AuthMethod.DIGEST, aor.user)
        """One object for all subscriptions of the user."""
        self.md5: Final = md5
        """H(A1) by MD5, 32 lower-case hexadecimal digits; None when there is none."""
        self.sha256: Final = sha256
        """H(A1) by SHA-256, 64 digits; None when there is none."""

    def ha1(self, algorithm: Algorithm) -> bytes | None:
        """H(A1) by one algorithm; None when there is none."""
        return self.md5 if algorithm is _MD5 else self.sha256
