"""How a client is told that something went wrong, and in which language."""

from typing import Any

from aiohttp import web

from dfks_rules.phrases.german import language_of
from dfks_rules.web.connections import ALWAYS
from dfks_rules.web.problem import CONTENT_TYPE, Problem
from dfks_rules.web.table import json_line


def language_asked(request: web.BaseRequest) -> str:
    """The language that a client reads, as a tag (BCP 47): what `Accept-Language` says."""
    return language_of(request.headers.get("Accept-Language", ""))


def told(problem: Problem, request: web.BaseRequest) -> web.Response:
    """The answer that tells of a problem (RFC 9457)."""
    language = language_asked(request)
    # It may not have come to the application, which adds headers elsewhere.
    headers = {"Content-Type": CONTENT_TYPE, **ALWAYS, **problem.headers}
    headers["Content-Language"] = language
    body: Any = json_line(problem.body, language)
    response = web.Response(body=body, status=problem.status, headers=headers)
    if problem.headers.get("Connection") == "close":
        response.force_close()
    return response
