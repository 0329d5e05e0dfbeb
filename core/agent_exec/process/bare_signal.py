"""The ``signal`` module without its enumerations, for processes that must stay small.

Python's own ``signal`` wraps this one in IntEnums; building them, and loading ``enum``, takes
5 ms and 0.8 MB in a supervisor, which needs only numbers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal
    except ImportError:  # another Python than CPython
        import signal

__all__ = ["signal"]
