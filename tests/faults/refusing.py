"""A sandbox that refuses system calls: a seccomp filter for a program and all that it starts.

python refusing.py pidfd_open=ENOSYS,prctl@36=EPERM PROGRAM [ARGUMENT …]

``name@N`` refuses a call only if its first argument is N. No compiler is needed. A filter
cannot be taken off again, hence a program that goes before another one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # <linux/audit.h>

# Each with its number on x86_64 and on aarch64; - where that one has no such call.
_NUMBERS: Final = """
access 21 -             chdir 80 49             clone 56 220            clone3 435 435
close_range 436 436     copy_file_range 326 285 dup2 33 -               dup3 292 24
epoll_create1 291 20    epoll_ctl 233 21        eventfd2 290 19         faccessat 269 48
faccessat2 439 439      fallocate 285 47        fchmod 91 52            fdatasync 75 83
flock 73 32             fork 57 -               fstatfs 138 44          fsync 74 82
ftruncate 77 46         getrandom 318 278       getrusage 98 165        getxattr 191 8
inotify_add_watch 254 27 inotify_init1 294 26   ioprio_set 251 30       kill 62 129
madvise 28 233          memfd_create 319 279    mlock 149 228           openat2 437 437
pidfd_open 434 434      pidfd_send_signal 424 424 pipe2 293 59          poll 7 -
ppoll 271 73            prctl 157 167           prlimit64 302 261       recvmsg 47 212
rename 82 -             renameat 264 38         renameat2 316 276       rseq 334 293
sched_getaffinity 204 123 sched_setaffinity 203 122 sched_setscheduler 144 119
sendfile 40 71          sendmsg 46 211          setitimer 38 103        setpgid 109 154
setpriority 141 140     setsid 112 157          signalfd4 289 74        socketpair 53 199
splice 275 76           statfs 137 43           statx 332 291           sysinfo 99 179
timer_create 222 107    timerfd_create 283 85   umask 95 166            unlinkat 263 35
utimensat 280 88        vfork 58 -              wait4 61 260            waitid 247 95
"""

_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2  # <linux/prctl.h>, <linux/seccomp.h>
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # <linux/bpf_common.h>
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENT_AT = 0, 4, 16  # struct seccomp_data, little endian
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


class Unavailable(Exception):  # noqa: N818  (an answer, not a fault)
    """Nothing can be refused here; the text says why."""


def _numbers() -> dict[str, int]:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise Unavailable(f"no numbers of system calls for {machine}")
    words = _NUMBERS.split()
    column = 1 + list(_ARCHITECTURES).index(machine)
    pairs = zip(words[::3], words[column::3], strict=True)
    return {name: int(number) for name, number in pairs if number != "-"}


def _step(code: int, value: int, if_not: int = 0) -> bytes:
    """One instruction; *if_not* is how many to leave out when a comparison fails."""
    return struct.pack("=HBBI", code, 0, if_not, value)


def filter_of(rules: str) -> bytes:
    """Build the filter; a call that this machine does not have is refused already."""
    numbers = _numbers()
    allow = _step(_RETURN, _ALLOW)
    steps = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_JUMP_IF_EQUAL, _ARCHITECTURES[platform.machine()], 1),
        # Falls through to the rules; programs of another architecture are let alone.
    ]
    body = [_step(_LOAD, _NUMBER_AT)]
    for rule in rules.split(","):
        call, _, refusal = rule.partition("=")
        name, _, argument = call.partition("@")
        if name not in _NUMBERS.split():
            raise ValueError(f"no number is known of {name}")
        if name not in numbers:
            continue
        answer = _step(_RETURN, _REFUSE | getattr(errno, refusal))
        if argument:
            body += [
                _step(_JUMP_IF_EQUAL, numbers[name], 4),
                _step(_LOAD, _ARGUMENT_AT),
                _step(_JUMP_IF_EQUAL, int(argument), 1),
                answer,
                _step(_LOAD, _NUMBER_AT),
            ]
        else:
            body += [_step(_JUMP_IF_EQUAL, numbers[name], 1), answer]
    steps[1] = struct.pack("=HBBI", _JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[platform.machine()])
    return b"".join([*steps, allow, *body, allow])


def refuse(rules: str) -> None:
    """Put the filter on this process, for good.

    Raises:
        Unavailable: the kernel has no such thing, or does not allow it.
    """
    code = filter_of(rules)
    program = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(program))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise Unavailable(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    if library.prctl(_SET_SECCOMP, _MODE_FILTER, head, 0, 0) != 0:
        raise Unavailable(f"seccomp: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    """Refuse what the command line says and become the program."""
    try:
        refuse(sys.argv[1])
    except Unavailable as reason:
        sys.exit(f"unavailable: {reason}")
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
