"""The tutorials are followed: their commands are run, and their outputs compared."""

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ORDER = ("train", "evaluate", "localize", "plugin", "table")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+/\S+\.py)\n")  # the first line of a block that is a file


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the language and the text of every fenced block of a page."""
    return FENCE.findall((ROOT / f"docs/tutorials/{page}.md").read_text(encoding="utf-8"))


def missing_line(expected: str, output: str) -> str | None:
    """Return the first expected line that an output does not have in its turn."""
    lines: Iterator[str] = iter(output.splitlines())
    for line in expected.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.rstrip().split("..."))
        if not any(re.fullmatch(pattern, each.rstrip()) for each in lines):
            return line
    return None


def run_bash(commands: str) -> str:
    """Run commands as a user would, without a GPU, and return what they print."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        ["bash", "-ec", commands], capture_output=True, text=True, env=environment, timeout=900
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_python(code: str, names: dict[str, object]) -> str:
    """Run code with the names of the blocks before it, and return what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "tutorial", "exec"), names)
    return printed.getvalue()


def test_the_tutorials_work_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "geoloc"
    checkout.mkdir()
    for folder in ("configs", "docs", "tools"):
        (checkout / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(checkout)
    for page in ORDER:
        names: dict[str, object] = {}
        output = ""
        for language, text in blocks(page):
            if language == "bash":
                output = run_bash(text)
            elif language == "python" and (file := FILE.match(text)):
                Path(file[1]).parent.mkdir(exist_ok=True)
                Path(file[1]).write_text(text)
            elif language == "python":
                output = run_python(text, names)
            elif language == "text":
                assert (lost := missing_line(text, output)) is None, f"{page}: {lost}\n\n{output}"


def test_a_wrong_output_is_noticed() -> None:
    output = "one 1\ntwo 2\nthree\n"
    assert missing_line("one ...\nthree\n", output) is None
    assert missing_line("three\none ...\n", output) == "one ..."
    assert missing_line("two 3", output) == "two 3"
    assert missing_line("two", output) == "two"


def test_every_tutorial_is_followed() -> None:
    assert sorted(ORDER) == sorted(file.stem for file in (ROOT / "docs/tutorials").glob("*.md"))
