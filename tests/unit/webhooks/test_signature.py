"""Signatures, verified by the reference implementation of others."""

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from dfks_rules.webhooks.signature import headers, secret_of

BODY = b'{"specversion":"1.0"}'
OLD, NEW = secret_of(bytes(range(32))), secret_of(bytes(range(32, 64)))


def test_a_receiver_with_the_secret_verifies_it() -> None:
    """With PyPI's `standardwebhooks`."""
    signed = headers("5eed-7", int(time.time()), BODY, [NEW])
    assert Webhook(NEW).verify(BODY, signed) == {"specversion": "1.0"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + b" ", signed)


def test_both_secrets_sign_while_one_is_replaced() -> None:
    """So a receiver may change at any time."""
    signed = headers("5eed-7", int(time.time()), BODY, [NEW, OLD])
    Webhook(OLD).verify(BODY, signed)
    Webhook(NEW).verify(BODY, signed)


def test_an_old_try_is_not_taken() -> None:
    """The time is that of the try, so that it cannot be played back."""
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(NEW).verify(BODY, headers("5eed-7", int(time.time()) - 600, BODY, [NEW]))
