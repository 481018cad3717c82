"""The emitter's desk and the API's world, for what lies between both."""

from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.emitter.conftest import desk

__all__ = ["api", "desk", "sandbox", "settings", "world"]
