"""What is read from files before a server begins."""

from pathlib import Path

import pytest

from dfks_rules.app.files import files_of
from dfks_rules.errors import ConfigError
from tests.helpers.wired import config_of


async def test_files_that_no_setting_names_are_not_read(tmp_path: Path) -> None:
    """Phones do not authenticate, and NOTIFYs neither."""
    files = files_of(config_of(tmp_path))
    assert files.users is None
    assert not files.secrets


async def test_file_that_cannot_be_used_is_found_before_the_server_begins(tmp_path: Path) -> None:
    """A server with half of its files would let the wrong ones in."""
    auth = {"mode": "digest", "realm": "example.com", "users": "nowhere.yaml"}
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        files_of(config_of(tmp_path, auth=auth))
