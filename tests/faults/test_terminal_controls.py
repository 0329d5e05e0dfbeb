"""What a terminal would act on, in output, commands, tags and ids."""

from __future__ import annotations

import pytest

from faults.bench import Bench, Call
from faults.rows import covers

pytestmark = pytest.mark.faults

CONTROLS = {
    "clipboard": b"\x1b]52;c;aGFjaw==\x07",
    "link": b"\x1b]8;;http://example.test\x07x\x1b]8;;\x07",
    "title": b"\x1b]0;title\x07",
    "clear": b"\x1b[2J\x1b[H",
    "alternate screen": b"\x1b[?1049h",
    "mouse": b"\x1b[?1000h",
    "paste": b"\x1b[201~rm -rf x\r",
    "report": b"\x1b[c\x1b[6n",
    "device control": b"\x1bP1$r\x1b\\",
    "8-bit control": b"\x9b31m",
    "C1 as UTF-8": "\x9b31m\x85".encode(),
    "carriage return": b"over\rwritten",
    "backspaces": b"abc\b\b\b",
    "bell": b"\x07",
    "delete": b"\x7f",
    "bidi override": "\u202ereversed\u202c".encode(),
    "bidi isolate": "\u2066isolated\u2069\u200f\u061c".encode(),
    "separators": "\u2028\u2029".encode(),
    "NUL": b"\0",
}
HOSTILE = (
    {chr(code) for code in range(0x20)} - {"\n"}
    | {chr(code) for code in range(0x7F, 0xA0)}
    | set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)


def _raw(call: Call) -> set[str]:
    return (set(call.stdout.decode()) | set(call.stderr)) & HOSTILE


@covers("controls: tail", "controls: tail --yaml", "controls: logs")
def test_controls_in_output_lie_in_the_log_and_reach_no_terminal(bench: Bench) -> None:
    data = b"\n".join(CONTROLS.values())
    source = bench.scratch / "data"
    source.write_bytes(data)
    job_id = bench.run("cat", str(source))
    bench.wait_over(job_id)
    for words in (("tail", job_id), ("tail", "--yaml", job_id), ("wait", job_id)):
        answer = bench.call(*words)
        assert answer.exit_status == 0
        assert _raw(answer) == set(), words
    assert bench.file(job_id, "stdout.log").read_bytes() == data
    full = bench.file(job_id, "full.log").read_bytes()
    for name, control in CONTROLS.items():
        # full.log is text: what is not UTF-8 stands there as U+FFFD.
        assert control.decode(errors="replace").encode() in full, name


@covers("controls: list")
def test_controls_in_a_command_reach_no_terminal(bench: Bench) -> None:
    words = [control.decode(errors="ignore").replace("\0", "") for control in CONTROLS.values()]
    job_id = bench.run("true", *words)
    bench.wait_over(job_id)
    for flags in ((), ("--yaml",)):
        for verb in (("list", "--all"), ("status", job_id)):
            assert _raw(bench.call(*verb, *flags)) == set(), verb
    command = bench.listed()[job_id]["command"]
    assert command == ["true", *words], "what is told must be what was given"


@covers("controls: tags", "controls: ids")
@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_controls_in_tags_and_ids_are_refused_and_told_escaped(bench: Bench, name: str) -> None:
    text = CONTROLS[name].decode(errors="ignore").replace("\0", "") + "x"
    job_id = bench.create("true")
    tagged = bench.call("tag", "set", job_id, "--tag", text)
    asked = bench.call("status", text)
    if name not in ("NUL", "8-bit control"):  # nothing is left of these on a command line
        assert tagged.error_code == "invalid_tag" or tagged.exit_status == 2
        assert not asked.ok
    for answer in (tagged, asked, bench.call("delete", text), bench.call("--yaml", "status", text)):
        assert _raw(answer) == set(), answer
    assert "Traceback" not in tagged.stderr + asked.stderr
