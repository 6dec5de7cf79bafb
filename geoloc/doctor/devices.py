"""What this machine computes with, and whether the packages that do it can be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geoloc
from geoloc.doctor.finding import Finding
from geoloc.doctor.packages import SAME_MODULE


def processor_and_memory() -> Iterator[Finding]:
    """Yield the number of usable cores and the memory."""
    every = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every
    yield Finding("cores", f"{usable} usable of {every}")
    memory = _memory()
    yield Finding("memory", memory or "unknown", "ok" if memory else "absent")


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except (AttributeError, ValueError, OSError):  # neither is everywhere
        return ""
    free = next((int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable")), None)
    return f"{total / 1e9:.1f} GB" + ("" if free is None else f", {free / 1e9:.1f} GB available")


def imports_and_accelerators() -> Iterator[Finding]:
    """Yield what ``import_probe`` found; a package that ended its process is broken."""
    paths = [str(Path(geoloc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "geoloc.doctor.import_probe"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONSAFEPATH": "1",  # a folder named torch is no torch
    }
    current = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as probe:
        assert probe.stdout is not None
        for line in probe.stdout:
            said = _object(line)
            if "import" in said:
                current = said["import"]
            elif "status" in said:
                yield _with_fix(Finding(**said))
    if probe.returncode:
        text = f"ended Python (status {probe.returncode}) while it was imported"
        yield _with_fix(Finding(current, text, "broken"))


def _object(line: str) -> dict[str, Any]:
    """Return what the probe said, or nothing of what a package printed."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _with_fix(finding: Finding) -> Finding:
    if finding.status != "broken":
        return finding
    module = finding.name.partition(".")[0]
    distribution = SAME_MODULE.get(module, (module,))[0]
    return finding._replace(
        text=f"{finding.text}: pip install --upgrade --force-reinstall {distribution}"
    )
