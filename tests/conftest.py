"""Hypothesis runs the same examples each time, and has no deadline: a timing is no test."""

from hypothesis import settings

settings.register_profile("dfks", deadline=None, derandomize=True)
settings.load_profile("dfks")
