"""Start-up time: what the standard library loads for us and we never use."""

from __future__ import annotations

import sys
from types import ModuleType


class _Deferred(ModuleType):
    """Stands for a module inside one other module, and loads it when it is really used."""

    def __getattr__(self, attribute: str) -> object:
        import importlib

        value: object = getattr(importlib.import_module(self.__name__), attribute)
        return value


def import_dataclasses() -> None:
    """Import ``dataclasses`` without ``inspect``.

    It uses that only for classes without a docstring (and from Python 3.13 on, always), and
    loading it takes a fifth of the time of a command such as ``status``. Everybody else who
    imports ``inspect`` gets the real one.
    """
    if "dataclasses" in sys.modules or "inspect" in sys.modules:
        return
    sys.modules["inspect"] = _Deferred("inspect")
    try:
        import dataclasses  # noqa: F401 (loaded for those who come after)
    finally:
        del sys.modules["inspect"]
