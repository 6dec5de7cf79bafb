"""Which jobs a suite needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from geoloc.benchmark.code_hash import code_hash
from geoloc.benchmark.job import Job, make_job
from geoloc.benchmark.method_config import (
    begin_with,
    fit_to_data,
    method_config,
    sources_of,
    start_config,
    train_on_features,
)
from geoloc.benchmark.preset import Preset
from geoloc.benchmark.product import products_of
from geoloc.benchmark.suite import Entry, Suite
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError

RENDERED = "as configured"  # the data of a start, which its config describes down to the pixels


class Folders(NamedTuple):
    """Where everything lies.

    Attributes:
        configs: The configs of the methods.
        starts: Runs that methods start from, which presets share.
        runs: Run folders of the methods.
        results: Results of the methods, ``<run>/seed<k>``.
    """

    configs: Path
    starts: Path
    runs: Path
    results: Path


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
    suite: Suite, preset: Preset, folders: Folders, seeds: int, methods: Sequence[str] = ()
) -> Plan:
    """Find out which jobs a suite needs; data that does not exist yet is rendered.

    Args:
        suite: The suite.
        preset: How its methods are run.
        folders: Where everything lies.
        seeds: Number of seeds, 0 .. seeds - 1.
        methods: Config folders of the methods to run; empty for all.

    Raises:
        ConfigError: If a method is not in the suite or has no config of this preset.
    """
    start = _start_job(preset, folders) if preset.start else None
    sources: dict[str, list[Source]] = {}
    jobs = []
    for name, (entry, subset) in _chosen(suite, methods).items():
        cfg = method_config(preset, entry, folders.configs, subset)
        if subset not in sources:
            sources[subset] = sources_of(cfg)
        training = sources[subset][0]
        if other := preset.transfer.get(subset):
            elsewhere = method_config(preset, entry, folders.configs, other)
            cfg.transfer_dataset = elsewhere.val_dataloader.dataset
        fit_to_data(cfg, training, preset.neighbours)
        if preset.features:
            train_on_features(cfg)
        # The start counts by what it is, not by where it lies.
        photos = "+".join(source.protocol.fingerprint for source in sources[subset])
        data = f"{photos}+{start.key.config}" if start else photos
        code = code_hash(cfg)
        for seed in range(seeds):
            where = Path(name) / f"seed{seed}"
            job = make_job(name, seed, folders.runs / where, cfg, data, code)
            products = products_of(cfg, suite.products)
            job = job._replace(result=folders.results / where, products=products)
            jobs.append(job)
        if start is not None:
            begin_with(cfg, start.folder / f"epoch_{start.epochs}.pth", photos)
    needed = any(not job.is_done() for job in jobs)
    return Plan(start if needed else None, sorted(jobs, key=lambda job: job.seed))


def _start_job(preset: Preset, folders: Folders) -> Job:
    cfg = start_config(preset, folders.configs)
    job = make_job("start", 0, folders.starts, cfg, RENDERED, code_hash(cfg))
    folder = folders.starts / job.key.config
    return job._replace(folder=folder, result=folder)


def _chosen(suite: Suite, methods: Sequence[str]) -> dict[str, tuple[Entry, str]]:
    known = {entry.folder for entry in suite.entries}
    for name in methods:
        if name not in known:
            raise ConfigError(f"--methods {name}: the suite has {', '.join(sorted(known))}")
    return {
        name: (entry, subset)
        for name, (entry, subset) in suite.runs().items()
        if not methods or entry.folder in methods
    }
