"""Start of a supervisor by path; ``process.spawn`` hands it its job."""

import os
import sys

SOCKET_FD = 3


def main() -> None:
    """Leave the starter at once: it waits for this process only, never for a supervisor."""
    if os.fork():
        os._exit(0)
    status = 2
    try:
        # Behind the standard library: nothing installed beside us may take its place.
        sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
        from agent_exec.supervisor.detach import detach
        from agent_exec.supervisor.lifecycle import supervise
        from agent_exec.supervisor.receiving import open_socket, receive

        detach((SOCKET_FD,))
        requests = open_socket(SOCKET_FD)
        descriptors = receive(requests)
        requests.close()
        status = 0 if descriptors is None else supervise(*descriptors)
    finally:
        os._exit(status)


main()
