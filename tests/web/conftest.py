"""People and places to sign in at."""

from tests.identity.conftest import world

__all__ = ["world"]
