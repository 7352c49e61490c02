"""What may stand in a file of users: users, domains, groups, numbers, attributes."""

import re
from functools import lru_cache
from typing import NamedTuple

from dfks_rules.model.identity import Aor
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.families import ATTRIBUTE, RESERVED
from dfks_rules.policy.site.number_plan import MAX_EXTENSION
from dfks_rules.policy.words.wording import did_you_mean, quoted

CSV_HEADER = "user,domain,groups,role,numbers"
"""The first line of a CSV file without attributes; each further column is one."""
COLUMNS = CSV_HEADER.split(",")
"""The columns that mean something of their own."""

_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_NUMBER = re.compile(rf"\+[1-9][0-9]{{4,14}}|[0-9]{{1,{MAX_EXTENSION}}}", re.ASCII)
_USER = re.compile(r"[^@:;<>\"\s,]+")
_DOMAIN = re.compile(r"[^@/;<>\"\s,]+")
_ATTRIBUTE = re.compile(ATTRIBUTE, re.ASCII)


class Wrong(Exception):  # noqa: N818 - it carries a message and never leaves the readers of directories
    """A value is invalid."""


class Names(NamedTuple):
    """How the names in one file are resolved."""

    domain: str | None
    """Domain of users written without one."""
    tenant: str | None
    """The only domain users may have; None: any."""

    def aor(self, user: str, domain: str | None) -> Aor:
        """The address of record of a user.

        Raises:
            Wrong: the user cannot exist, or belongs to another tenant.
        """
        domain = domain or self.domain
        if len(user) > MAX_TEXT or not _USER.fullmatch(user):
            raise Wrong(
                phrase(
                    "{user} is not a user, like `alice` or `alice@acme.example`", user=quoted(user)
                )
            )
        if not domain:
            raise Wrong(phrase("user {user} has no domain", user=quoted(user)))
        domain = _domain(domain)
        if self.tenant not in (None, domain):
            raise Wrong(
                phrase(
                    "domain {domain} is not this tenant's domain, `{tenant}`",
                    domain=quoted(domain),
                    tenant=self.tenant,
                )
            )
        return Aor(user, domain)


# A hundred thousand users share a few domains and groups, and so can share their memory.
@lru_cache(4096)
def _domain(name: str) -> str:
    if len(name) > MAX_TEXT or not _DOMAIN.fullmatch(name):
        raise Wrong(phrase("{name} is not a domain", name=quoted(name)))
    return name.lower()


@lru_cache(4096)
def take_group(name: str) -> str:
    """The name of a group or a role; raises Wrong."""
    if not _GROUP.fullmatch(name):
        raise Wrong(
            phrase(
                "{name} is not a name of at most 63 letters, digits, `.`, `_` and `-`",
                name=quoted(name),
            )
        )
    return name


def take_number(written: str) -> str:
    """A number; raises Wrong."""
    if not _NUMBER.fullmatch(written):
        wanted = phrase(
            "an E.164 number like `+4930123456`, or an extension of 1 to {max_extension}",
            max_extension=MAX_EXTENSION,
        )
        raise Wrong(
            phrase("{number} is not {wanted} digits", number=quoted(written), wanted=wanted)
        )
    return written


def take_attribute(name: str) -> None:
    """Raises Wrong unless an attribute may be called so."""
    if name in RESERVED:
        raise Wrong(
            phrase(
                "an attribute cannot be called {name}{hint}",
                name=quoted(name),
                hint=did_you_mean(name, COLUMNS),
            )
        )
    if not _ATTRIBUTE.fullmatch(name):
        wanted = phrase("at most 31 letters, digits and `-`, a lower-case letter first")
        raise Wrong(
            phrase(
                "{name} is not a name of an attribute: {wanted}", name=quoted(name), wanted=wanted
            )
        )


# Many users share a manager, a zone, a cost centre.
@lru_cache(4096)
def take_cell(value: str) -> str:
    """The value of an attribute; raises Wrong."""
    if len(value) > MAX_TEXT:
        raise Wrong(
            phrase(
                "attribute has {count} characters; at most {max_text}",
                count=len(value),
                max_text=MAX_TEXT,
            )
        )
    if not value.isprintable():
        raise Wrong(phrase("{value} has unprintable characters", value=quoted(value)))
    return value
