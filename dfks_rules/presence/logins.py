"""How our NOTIFYs authenticate where a phone, or a proxy on the way to it, asks them to.

What a dialog was asked is remembered, so that the next NOTIFY in it need not be asked again.
"""

from collections.abc import Callable, Mapping
from typing import final

from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.digest_client import Answers, Secret
from dfks_rules.sip.message import Response

AT_MOST = 65_536
"""Dialogs whose challenges are remembered, about 800 bytes each; the oldest is forgotten, and then
asked again."""


@final
class Logins:
    """The names and passwords of this server, and who has asked for them."""

    def __init__(self, secrets: Mapping[bytes, Secret], token: Callable[[], bytes]) -> None:
        """Nobody has asked.

        Args:
            secrets: by realm.
            token: an unguessable token each time.
        """
        self._secrets = secrets
        self._token = token
        self._answers: dict[bytes, Answers] = {}
        """By the local tag of the dialog."""

    def __len__(self) -> int:
        return len(self._answers)

    def take(self, dialog: Dialog, response: Response) -> bool:
        """Take a 401 or 407 to a NOTIFY; whether to send it again.

        Not where there is no password for its realm, or where it was refused.
        """
        answers = self._answers.pop(dialog.local_tag, None) or Answers()
        if not answers.take(response, self._secrets):
            return False
        if len(self._answers) >= AT_MOST:
            del self._answers[next(iter(self._answers))]
        self._answers[dialog.local_tag] = answers
        return True

    def lines(self, dialog: Dialog) -> bytes:
        """The header lines of the next NOTIFY in a dialog; none where nobody asked."""
        answers = self._answers.get(dialog.local_tag)
        return b"" if answers is None else answers.lines(b"NOTIFY", dialog.request_uri, self._token)

    def accepted(self, dialog: Dialog) -> None:
        """The last NOTIFY in a dialog was accepted."""
        answers = self._answers.get(dialog.local_tag)
        if answers is not None:
            answers.accepted()

    def forget(self, dialog: Dialog) -> None:
        """A dialog is over."""
        self._answers.pop(dialog.local_tag, None)
