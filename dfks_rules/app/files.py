"""What a server reads from files."""

from collections.abc import Mapping
from typing import NamedTuple

from dfks_rules.app.credentials import secrets_of
from dfks_rules.app.desk.certificates import CertificateReloader
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.profiles import ProfilesFile
from dfks_rules.app.users import UsersFile, users_of
from dfks_rules.config.settings import Config
from dfks_rules.sip.digest_client import Secret


class Files(NamedTuple):
    """What was read from files, and is read again while the server runs."""

    policies: PolicyReloader
    certificates: CertificateReloader
    users: UsersFile | None
    """Who may authenticate; there are some if the settings say `digest`."""
    secrets: Mapping[bytes, Secret] | None
    """With which NOTIFYs authenticate, by realm."""
    profiles: ProfilesFile
    """How phones are treated by their User-Agent."""


def files_of(config: Config) -> Files:
    """The files that the settings name; those of policies are read when their reloader starts.

    Raises:
        ConfigError: a file cannot be used.
    """
    users, profiles = users_of(config.auth), ProfilesFile(config.profiles)
    secrets = secrets_of(config.sip.credentials)
    certificates = CertificateReloader(config.sip.tls, config.reload)
    policies = PolicyReloader(config.policies, config.reload)
    return Files(policies, certificates, users, secrets, profiles)
