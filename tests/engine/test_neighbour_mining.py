from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from geoloc.datasets import DynamicSimilaritySampler, UniquePlaceSampler
from geoloc.engine.config import load_config
from geoloc.engine.hooks import NeighbourMiningHook
from geoloc.engine.run import prepare
from geoloc.errors import ConfigError
from geoloc.registry import RUNNERS
from tests.datasets.test_gps import scattered

PLACES, NEIGHBOURS = 12, 5
EXTRA = """
train_cfg = dict(max_epochs={epochs}, val_interval=9, val_begin=99)
small = [dict(type='LoadImage'), dict(type='mmpretrain.Resize', scale=(16, 16)),
         dict(type='mmpretrain.PackInputs')]
train_dataloader = dict(
    dataset=dict(pipelines=dict(drone=small, satellite=small)),
    sampler=dict(
        type='DynamicSimilaritySampler', neighbour_select=4, neighbour_range={neighbours}))
val_dataloader = dict(dataset=dict(pipelines=dict(drone=small, satellite=small)))
model = dict(
    backbone=dict(stem_channels=8, base_channels=8), head=dict(in_dims=64, embed_dims=16))
default_hooks = dict(checkpoint=dict(max_keep_ckpts=-1))
custom_hooks = [dict(type='NeighbourMiningHook', start_epoch={start}, interval=9)]
"""


@pytest.fixture
def mining_config(small_config):
    """Return a writer of configs that mine once, before epoch ``start``."""

    def write(start: int, epochs: int) -> Path:
        extra = EXTRA.format(start=start, epochs=epochs, neighbours=NEIGHBOURS)
        return small_config(base="infonce/infonce_r18_campusworld.py", extra=extra)

    return write


def build(config: Path, work_dir: Path, resume: Path | None = None):
    cfg = prepare(load_config(config), work_dir=str(work_dir))
    cfg.resume, cfg.load_from = resume is not None, resume and str(resume)
    return RUNNERS.build(cfg)


def by_single_images(runner, index, pipelines):
    """Rank the places by the mean cosine of all pairs of images, described one by one."""
    model = runner.model.eval()
    rows = []
    for row in range(len(index)):
        view = str(index.view[row])
        image = pipelines.load(view, index.file(row))[None]
        batch = model.data_preprocessor({"inputs": {view: image}})
        with torch.no_grad():
            rows.append(model(**batch, places={}, rows={})[view][0].double().numpy())
    cosine = np.array(rows) @ np.array(rows).T
    table = []
    for place in range(len(index.places)):
        drone = (index.place_labels == place) & (index.view == "drone")
        mean = np.array(
            [
                cosine[
                    np.ix_(drone, (index.place_labels == other) & (index.view == "satellite"))
                ].mean()
                for other in range(len(index.places))
            ]
        )
        table.append([other for other in np.argsort(-mean) if other != place][:NEIGHBOURS])
    return np.array(table)


def test_mined_neighbours_are_the_most_similar_places(mining_config, tmp_path) -> None:
    runner = build(mining_config(0, 1), tmp_path / "run")
    hook = next(hook for hook in runner._hooks if isinstance(hook, NeighbourMiningHook))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.model.train()
    table = hook.mine(runner)
    assert all(module.training for module in (runner.model, runner.model.backbone.layer1))
    test_images = runner.build_dataloader(runner.cfg.val_dataloader).dataset
    index = runner.train_dataloader.dataset.index
    expected = by_single_images(runner, index, test_images.pipelines)
    assert table.dtype == torch.int64
    np.testing.assert_array_equal(table.numpy(), expected)


def test_a_resumed_run_keeps_the_table_and_ends_in_the_same_weights(
    mining_config, tmp_path
) -> None:
    config = mining_config(1, 3)
    whole = build(config, tmp_path / "whole")
    whole.train()
    assert "neighbours" not in torch.load(tmp_path / "whole/epoch_1.pth", weights_only=True)
    saved = torch.load(tmp_path / "whole/epoch_2.pth", weights_only=True)["neighbours"]
    assert saved.shape == (PLACES, NEIGHBOURS)
    np.testing.assert_array_equal(whole.train_dataloader.sampler.neighbours, saved)

    resumed = build(config, tmp_path / "resumed", resume=tmp_path / "whole/epoch_2.pth")
    resumed.train()
    np.testing.assert_array_equal(resumed.train_dataloader.sampler.neighbours, saved)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_two_processes_mine_the_neighbours_of_one(run_tool, mining_config, tmp_path) -> None:
    config = mining_config(0, 1)
    build(config, tmp_path / "one").train()
    options = ("--cfg-options", "train_dataloader.batch_size=3")
    done = run_tool("dist_train.sh", config, 2, "--work-dir", "two", *options)
    assert done.returncode == 0, done.stderr
    one, two = (
        torch.load(tmp_path / name / "epoch_1.pth", weights_only=True)["neighbours"]
        for name in ("one", "two")
    )
    assert torch.equal(one, two)


class Recorder(NeighbourMiningHook):
    """Mines the number of the epoch."""

    def mine(self, runner):
        return torch.full((6, 1), runner.epoch % 6)


def run_epochs(hook, epochs, sampler=None):
    """Return the table that every epoch trains with, by its number; None is the sampler's own."""
    sampler = sampler or DynamicSimilaritySampler(scattered([2] * 6), 2, seed=0)
    own = sampler.neighbours
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(sampler=sampler),
        logger=SimpleNamespace(info=lambda text: None),
        epoch=epochs[0],
        iter=9 * epochs[0],
    )
    hook.before_train(runner)
    used = []
    for runner.epoch in epochs:
        hook.before_train_epoch(runner)
        mined = sampler.neighbours is not own
        used.append(int(sampler.neighbours[0, 0]) if mined else None)
    return used


def test_epochs_of_mining() -> None:
    assert run_epochs(Recorder(2, 3), range(7)) == [None, None, 2, 2, 2, 5, 5]
    assert run_epochs(Recorder(0, 1), range(3)) == [0, 1, 2]


def test_a_resumed_run_without_a_table_mines_at_once() -> None:
    assert run_epochs(Recorder(1, 4), range(3, 6)) == [3, 3, 5]
    assert run_epochs(Recorder(4, 4), range(3, 6)) == [None, 4, 4]


def test_only_a_resumed_run_takes_the_table_of_a_checkpoint() -> None:
    """Weights to start from may come from another dataset."""
    checkpoint = {"neighbours": torch.full((6, 1), 4)}
    resumed, started = Recorder(1, 4), Recorder(1, 4)
    for hook in (resumed, started):
        hook.after_load_checkpoint(None, checkpoint)
    assert run_epochs(resumed, range(2, 6)) == [4, 4, 4, 5]
    assert run_epochs(started, range(3)) == [None, 1, 1]


def test_messages_name_the_option() -> None:
    with pytest.raises(ConfigError, match=r"interval=0 at least 1"):
        NeighbourMiningHook(interval=0)
    sampler = UniquePlaceSampler(scattered([2] * 6), 2, seed=0)
    sampler.neighbours = None
    with pytest.raises(ConfigError, match=r"'DynamicSimilaritySampler': UniquePlaceSampler takes"):
        run_epochs(NeighbourMiningHook(), range(1), sampler)
