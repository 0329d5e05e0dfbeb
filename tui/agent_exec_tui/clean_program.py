"""The program that looks for what can be removed, or removes it: ``clean_program FD``.

A task comes in over the socket FD, progress and the answer go out.
"""

from __future__ import annotations

import gc
import pickle
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING

from agent_exec.errors import AgentExecError, reason_of
from agent_exec_tui.clean_process import Failure

if TYPE_CHECKING:
    from agent_exec.commands.gc import GcProgress


def main() -> None:
    """Do one task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    with socket.socket(fileno=int(sys.argv[1])) as wire:

        def is_over() -> bool:
            return bool(select.select([wire], [], [], 0)[0])

        def tell(progress: GcProgress) -> None:
            wire.sendall(pickle.dumps(progress))

        with wire.makefile("rb") as tasks:
            task = pickle.load(tasks)  # from nobody but the dashboard that started us
        try:
            answer = task.carry_out(tell, is_over)
        except (AgentExecError, OSError) as error:
            answer = Failure(reason_of(error))
        wire.sendall(pickle.dumps(answer))


if __name__ == "__main__":
    main()
