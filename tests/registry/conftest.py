"""The cast of tests/registry/cast.py for every test of the registry."""

from .cast import cast  # noqa: F401
