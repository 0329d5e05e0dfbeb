"""Start of a supervisor by path; it gets its job by ``process.fd_passing``."""

import os
import sys


def main() -> None:
    """Leave the starter at once: it waits for this process only, never for a supervisor."""
    if os.fork():
        os._exit(0)
    status = 2
    try:
        # Behind the standard library: nothing installed beside us may take its place.
        sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
        from agent_exec.process.fd_passing import SOCKET_FD, open_socket, receive
        from agent_exec.supervisor.detach import detach
        from agent_exec.supervisor.lifecycle import supervise

        detach((SOCKET_FD,))
        requests = open_socket()
        descriptors = receive(requests)
        requests.close()
        status = 0 if descriptors is None else supervise(*descriptors)
    finally:
        os._exit(status)


main()
