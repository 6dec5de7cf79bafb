"""Which jobs a suite needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from geoloc.benchmark.code_hash import code_hash
from geoloc.benchmark.job import Job, make_job
from geoloc.benchmark.preset import Preset, fit_to_data, method_config, source_of, start_config
from geoloc.benchmark.suite import Entry, Suite
from geoloc.errors import ConfigError

START = "start"


class Plan(NamedTuple):
    """The jobs of a suite.

    Attributes:
        start: The run that all methods start from, to be done first; None if there is none, or no
            method has to be trained any more.
        methods: Every method with every seed, seed by seed, so that a table is whole early.
    """

    start: Job | None
    methods: list[Job]


def make_plan(
    suite: Suite,
    preset: Preset,
    configs: Path,
    runs: Path,
    results: Path,
    seeds: int,
    methods: Sequence[str],
) -> Plan:
    """Find out which jobs a suite needs; data that does not exist yet is rendered.

    Args:
        suite: The suite.
        preset: How its methods are run.
        configs: Folder of the configs.
        runs: Folder for the run folders.
        results: Folder for the results.
        seeds: Number of seeds, 0 .. seeds - 1.
        methods: Config folders of the methods to run; empty for all.

    Raises:
        ConfigError: If a method is not in the suite or has no config of this preset.
    """
    start = _start_job(preset, configs, runs) if preset.start else None
    weights = start and start.folder / f"epoch_{start.epochs}.pth"
    chosen = {entry.run: entry for entry in _chosen(suite, methods)}
    source, jobs = None, []
    for entry in chosen.values():
        cfg = method_config(preset, entry, configs, weights)
        source = source or source_of(cfg)
        fit_to_data(cfg, source)
        for seed in range(seeds):
            where = Path(entry.run) / f"seed{seed}"
            data = source.protocol.fingerprint
            if start is not None:
                data += f"+{start.key.config}"
            jobs.append(
                make_job(entry.run, seed, runs / where, results / where, cfg, data, code_hash())
            )
    if all(job.is_done() for job in jobs):
        start = None
    return Plan(start, sorted(jobs, key=lambda job: job.seed))


def _start_job(preset: Preset, configs: Path, runs: Path) -> Job:
    cfg = start_config(preset, configs)
    source = source_of(cfg)
    fit_to_data(cfg, source)
    return make_job(
        START, 0, runs / START, runs / START, cfg, source.protocol.fingerprint, code_hash()
    )


def _chosen(suite: Suite, methods: Sequence[str]) -> list[Entry]:
    known = {entry.folder for entry in suite.entries}
    for name in methods:
        if name not in known:
            raise ConfigError(f"--methods {name}: the suite has {', '.join(sorted(known))}")
    return [entry for entry in suite.entries if not methods or entry.folder in methods]
