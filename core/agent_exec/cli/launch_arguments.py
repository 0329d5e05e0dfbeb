"""What create, run, start and restart are told, made into what the commands take."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments
    from agent_exec.commands.auto_gc import AutoGc
    from agent_exec.commands.definition import JobDefinition, StdinSource
    from agent_exec.commands.observation import Observation
    from agent_exec.model.job import Notification
    from agent_exec.store.config import Config

DEFAULT_UNTIL_MS = 10_000
DEFAULT_MAX_BYTES = 65536


def config_for(arguments: Arguments, call: Call) -> Config:
    """Read the config.toml this call goes by.

    Raises:
        ConfigError: it is there and cannot be used.
    """
    from agent_exec.store.config import config_path, load_config

    return load_config(config_path(arguments.text("--config"), call.environ))


def given_wrapper(arguments: Arguments) -> tuple[str, ...] | None:
    """The words of ``--shell-wrapper``; None when it was not given.

    Raises:
        InternalError: it was given without a word, in the peers' words.
    """
    text = arguments.text("--shell-wrapper")
    if text is None:
        return None
    words = tuple(text.split())
    if not words:
        from agent_exec.errors import InternalError

        raise InternalError("--shell-wrapper must not be empty")
    return words


def configured_wrapper(config: Config) -> tuple[str, ...] | None:
    """The shell wrapper of config.toml; None when it names none.

    Raises:
        ConfigError: it names an empty one.
    """
    if config.shell_wrapper is not None and not config.shell_wrapper:
        from agent_exec.errors import ConfigError

        raise ConfigError(f"config file shell wrapper must not be empty (from {config.path})")
    return config.shell_wrapper


def definition_of(
    arguments: Arguments, wrapper: tuple[str, ...] | None, log_max_bytes: int | None = None
) -> JobDefinition:
    """The job that the options and the command describe."""
    from agent_exec.commands.definition import JobDefinition
    from agent_exec.commands.stdin import DEFAULT_MAX_BYTES as DEFAULT_STDIN_MAX_BYTES

    abandon_after_ms = arguments.number("--abandon-job-after")
    return JobDefinition(
        command=arguments.texts("COMMAND"),
        cwd=arguments.text("--cwd"),
        env=arguments.texts("--env"),
        env_files=arguments.texts("--env-file"),
        inherit_env=not arguments.flag("--no-inherit-env"),
        mask=arguments.texts("--mask"),
        stdin=_stdin(arguments),
        stdin_max_bytes=arguments.number("--stdin-max-bytes", DEFAULT_STDIN_MAX_BYTES),
        timeout_ms=arguments.number("--timeout", abandon_after_ms),
        kill_after_ms=arguments.number("--kill-after"),
        progress_every_ms=arguments.number("--progress-every"),
        notification=_notification(arguments),
        tags=arguments.texts("--tag"),
        shell_wrapper=wrapper,
        full_log_path=arguments.text("--log"),
        log_max_bytes=log_max_bytes,
    )


def _stdin(arguments: Arguments) -> StdinSource | None:
    text, path = arguments.text("--stdin"), arguments.text("--stdin-file")
    if text is None and path is None:
        return None
    from agent_exec.commands.stdin import StdinFile, StdinStream, StdinText

    if path is not None:
        return StdinFile(path)
    if text != "-":
        return StdinText(text or "")
    if sys.stdin is None:  # closed by the caller; the number is another file's by now
        from agent_exec.errors import StdinRequiredError

        raise StdinRequiredError
    return StdinStream(0)


def _notification(arguments: Arguments) -> Notification | None:
    from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch

    pattern = arguments.text("--output-pattern")
    match = None
    if pattern:
        match = OutputMatch(
            pattern=pattern,
            match_type=MatchType(arguments.text("--output-match-type") or "contains"),
            stream=MatchStream(arguments.text("--output-stream") or "either"),
            command=arguments.text("--output-command"),
            file=arguments.text("--output-file"),
        )
    notification = Notification(
        notify_command=arguments.text("--notify-command"),
        notify_file=arguments.text("--notify-file"),
        on_output_match=match,
    )
    return None if notification == Notification() else notification


def observation_of(arguments: Arguments) -> Observation:
    """How long to look at the job before the answer."""
    from agent_exec.commands.observation import Observation

    max_bytes = arguments.number("--max-bytes", DEFAULT_MAX_BYTES)
    if arguments.flag("--no-wait") or (arguments.given("--wait") and not arguments.flag("--wait")):
        return Observation(wait=False, max_bytes=max_bytes)
    until_s = None
    if not arguments.flag("--forever"):
        until_s = arguments.number("--until", DEFAULT_UNTIL_MS) / 1000
    return Observation(until_s=until_s, max_bytes=max_bytes)


def auto_gc_of(arguments: Arguments, config: Config) -> AutoGc:
    """What to clean up besides: the flags, else config.toml, else the defaults."""
    from agent_exec.commands.auto_gc import AutoGc

    max_jobs = arguments.optional_number("--auto-gc-max-jobs")
    max_bytes = arguments.optional_number("--auto-gc-max-bytes")
    return AutoGc(
        enabled=config.gc.auto and not arguments.flag("--no-auto-gc"),
        older_than=arguments.text("--auto-gc-older-than") or config.gc.older_than,
        max_jobs=config.gc.max_jobs if max_jobs is None else max_jobs,
        max_bytes=config.gc.max_bytes if max_bytes is None else max_bytes,
        scan_limit=config.gc.scan_limit,
        delete_limit=config.gc.delete_limit,
    )
