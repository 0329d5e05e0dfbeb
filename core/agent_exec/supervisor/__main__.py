"""Start of a supervisor by path; ``process.handover`` says which descriptors it inherits."""

import os
import sys

# Where process.handover puts the directory, the lock, the report and the definition.
DESCRIPTORS = (3, 4, 5, 6)


def main() -> None:
    """Leave the launcher at once: it waits for this process only, never for a supervisor."""
    if os.fork():
        os._exit(0)
    status = 2
    try:
        # Behind the standard library: nothing installed beside us may take its place.
        sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
        from agent_exec.supervisor.detach import detach
        from agent_exec.supervisor.lifecycle import supervise

        detach(DESCRIPTORS)
        status = supervise(*DESCRIPTORS)
    finally:
        os._exit(status)


main()
