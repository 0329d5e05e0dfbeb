"""kill, delete, gc, repair: ending jobs and clearing them away."""

from __future__ import annotations

import os

from agent_exec.cli.grammar import Option, Positional, Verb, whole_number
from agent_exec.cli.options import JOB_ID, SIGNAL
from agent_exec.model.status import TERMINAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments

_DRY_RUN = Option("--dry-run", None, "Say what would happen; change nothing")


def _kill() -> Verb:
    return Verb(
        "kill", _run_kill,
        "Send a signal to a job's processes and say, within 3 seconds, what became of it.",
        ("Signal", (
            Option(*SIGNAL, "HUP, INT, QUIT, ABRT, KILL, USR1, USR2, TERM (the default), "
                   "STOP, TSTP, CONT or WINCH; a number does too", hints="signal"),
            Option("--no-wait", None, "Answer as soon as the signal is sent"),
        )),
        positional=JOB_ID, states=("running",),
        examples=("kill 3f2a91c", "kill --signal INT 3f2a91c"),
    )  # fmt: skip


def _delete() -> Verb:
    return Verb(
        "delete", _run_delete,
        "Remove one job that does not run, whatever its state; or with --all the ended jobs of "
        "this directory; or those of them that --filter selects.",
        ("What", (
            Option("--all", None, "The ended jobs whose directory is this one"),
            Option("--filter", "TEXT", "Of those, the ones that fit, such as 'exit:0 make'"),
            _DRY_RUN,
        )),
        positional=Positional("JOB_ID", JOB_ID.help, least=0, hints="job"),
        conflicts=(("--all", "JOB_ID"), ("--filter", "JOB_ID")),
        needs_one_of=("JOB_ID", "--all", "--filter"),
        examples=("delete 3f2a91c", "rm --all --dry-run"),
        states=tuple(sorted(TERMINAL)),
    )  # fmt: skip


def _gc() -> Verb:
    return Verb(
        "gc", _run_gc,
        "Remove ended jobs of all directories that are older than --older-than. --max-jobs and "
        "--max-bytes choose among those only, unless --independent is given.",
        ("What", (
            Option("--older-than", "DURATION", "Ended longer ago than this: 30d (the default), "
                   "24h, 60m, 3600s"),
            Option("--max-jobs", "N", "Of the old ones, keep the newest so many",
                   convert=whole_number),
            Option("--max-bytes", "N", "Of the old ones, keep at most so much, newest first",
                   convert=whole_number),
            Option("--independent", None, "Each of the three rules selects by itself, and only "
                   "those that are given count"),
            _DRY_RUN,
        )),
        examples=("gc --dry-run", "gc --older-than 7d", "gc --independent --max-jobs 100"),
    )  # fmt: skip


def _repair() -> Verb:
    return Verb(
        "repair", _run_repair,
        "Put right jobs whose record says they run although nothing runs them any more: they "
        "become failed, with the cause. What cannot be proved is reported and left alone.",
        ("What", (
            Option("--all", None, "Look at every job"),
            Option("--kill", None, "Also end children that outlived their supervisor"),
            Option("--yes", None, "Also jobs by their ID that run on another machine, in another "
                   "PID namespace or hidden: they are over, take my word for it"),
            _DRY_RUN,
        )),
        positional=Positional("JOB_ID", "The jobs: their IDs, or the beginnings of them",
                              least=0, most=None, hints="job"),
        conflicts=(("--all", "JOB_ID"),), needs_one_of=("JOB_ID", "--all"),
        states=("running", "created"),
        examples=("repair --all --dry-run", "repair --kill 3f2a91c"),
    )  # fmt: skip


VERBS = {"kill": _kill, "delete": _delete, "gc": _gc, "repair": _repair}


def _run_kill(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.kill import kill_job

    (job_id,) = arguments.texts("JOB_ID")
    signal = arguments.text("--signal")
    answer = kill_job(
        call.store(),
        job_id,
        signal="TERM" if signal is None else signal,
        wait=not arguments.flag("--no-wait"),
        door="cli",
    )
    call.answer(answer)
    return 0


def _run_delete(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.delete import delete_job, delete_jobs

    dry_run = arguments.flag("--dry-run")
    store = call.store()
    if arguments.given("JOB_ID"):
        (job_id,) = arguments.texts("JOB_ID")
        call.answer(delete_job(store, job_id, dry_run=dry_run))
        return 0
    cwd = os.path.realpath(os.getcwd())
    answer = delete_jobs(store, cwd=cwd, dry_run=dry_run, filter=arguments.text("--filter"))
    call.answer(answer)
    return 0


def _run_gc(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.gc import GcPolicy, collect_garbage

    policy = GcPolicy(
        older_than=arguments.text("--older-than"),
        max_jobs=arguments.optional_number("--max-jobs"),
        max_bytes=arguments.optional_number("--max-bytes"),
    )
    answer = collect_garbage(
        call.store(),
        policy,
        dry_run=arguments.flag("--dry-run"),
        independent=arguments.flag("--independent"),
    )
    call.answer(answer)
    return 0


def _run_repair(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.repair import repair_jobs

    ids = None if arguments.flag("--all") else arguments.texts("JOB_ID")
    answer = repair_jobs(
        call.store(),
        ids,
        kill=arguments.flag("--kill"),
        is_sure=arguments.flag("--yes"),
        dry_run=arguments.flag("--dry-run"),
    )
    call.answer(answer)
    return 0
