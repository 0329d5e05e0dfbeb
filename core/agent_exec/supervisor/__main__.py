"""Start of a supervisor by path; it gets its job by ``process.fd_passing``."""

import os
import sys


def main() -> None:
    """Leave the starter at once: it waits for this process only, never for a supervisor."""
    if os.fork():
        os._exit(0)
    status = 2
    errors = os.dup(2)  # whoever starts us listens until the job is ours
    try:
        # Behind the standard library: nothing installed beside us may take its place.
        sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
        from agent_exec.process.fd_passing import SOCKET_FD, open_socket, receive
        from agent_exec.supervisor.detach import detach
        from agent_exec.supervisor.lifecycle import supervise

        detach((SOCKET_FD, errors))
        requests = open_socket()
        descriptors = receive(requests)
        requests.close()
        os.close(errors)
        errors = 2  # the null device
        status = 0 if descriptors is None else supervise(*descriptors)
    except BaseException as error:  # noqa: BLE001  (this process has no other way to say it)
        os.write(errors, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(status)


main()
