"""Imports of a running server: files beside the store, and the rows of them one after the other.

Belongs here: keeping and reading the files, the pace, what is noted of each import.
Never here: how a row is written (`operations.rows`), how a set is decided, HTTP.
May import: operations, store, and what these may import.
"""
