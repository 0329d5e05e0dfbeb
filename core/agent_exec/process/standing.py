"""What a process may do and how much of it, as all that it starts inherits."""

from __future__ import annotations

import os
import resource


def standing() -> tuple[object, ...]:
    """Users, groups, priority and limits of this process; compare it with one taken earlier."""
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return (
        (os.getuid(), os.geteuid(), os.getgid(), os.getegid()),
        sorted(os.getgroups()),
        os.getpriority(os.PRIO_PROCESS, 0),
        [resource.getrlimit(getattr(resource, name)) for name in limits],
    )
