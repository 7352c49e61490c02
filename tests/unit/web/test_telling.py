"""How a client is told that something went wrong."""

import json

import pytest
from aiohttp.test_utils import make_mocked_request

from dfks_rules.web.problem import Problem
from dfks_rules.web.telling import language_asked, told


@pytest.mark.parametrize(
    ("accepted", "language"), [({}, "en"), ({"Accept-Language": "de-AT, en;q=0.8"}, "de")]
)
def test_the_client_says_which_language_it_reads(accepted: dict[str, str], language: str) -> None:
    """English is for everybody else."""
    request = make_mocked_request("GET", "/v1/health", headers=accepted)
    assert language_asked(request) == language
    answer = told(Problem("token-needed"), request)
    assert answer.headers["Content-Language"] == language
    assert isinstance(answer.body, bytes)
    title = json.loads(answer.body)["title"]
    assert (
        title == {"en": "A valid token is required", "de": "Ein gültiges Token ist nötig"}[language]
    )


def test_a_connection_that_cannot_go_on_is_closed() -> None:
    """The next request could not be told from the rest of this one."""
    problem = Problem("too-large", None, {"Connection": "close"})
    assert told(problem, make_mocked_request("POST", "/v1/health")).keep_alive is False
