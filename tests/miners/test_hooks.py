from types import SimpleNamespace

import numpy as np
import pytest
import torch

from geoloc.datasets.samplers import GlobalMiningSampler
from geoloc.engine.hooks import GlobalMiningHook, MinerHook
from geoloc.errors import ConfigError

from .conftest import VIEWS, batch_of, build_model


def runner_of(model, dataset, sampler=None):
    loader = SimpleNamespace(dataset=dataset, sampler=sampler, num_workers=0)
    return SimpleNamespace(
        model=model, train_dataloader=loader, optim_wrapper=None, epoch=0, seed=0
    )


def test_the_miner_receives_images_and_epoch(dataset):
    model = build_model(dataset, start_epoch=3, start_fraction=0.0)
    model.miner.reloader = None
    runner = runner_of(model, dataset)
    hook = MinerHook()
    hook.before_train(runner)
    for runner.epoch in range(4):
        hook.before_train_epoch(runner)
        for items in ([0, 3, 6, 9], [12, 15, 18, 21]):
            loss = model(**batch_of(dataset, items, model), mode="loss")["loss_miner"]
        hook.after_train_epoch(runner)
        assert (loss > 0) == (runner.epoch == 3)


def test_a_model_without_miner_is_left_alone(dataset):
    runner = runner_of(build_model(), dataset)
    for event in ("before_train", "before_train_epoch", "after_train_epoch"):
        getattr(MinerHook(), event)(runner)


def test_global_mining_finds_what_the_network_confused(dataset):
    model = build_model(dataset, type="GlobalMining", start_epoch=None)
    sampler = GlobalMiningSampler(dataset, 4, keep=3, seed=0)
    runner = runner_of(model, dataset, sampler)
    hook = GlobalMiningHook()
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    assert sampler.candidates is None
    seen = [0, 3, 6, 9, 12, 15, 18, 21]
    for items in (seen[:4], seen[4:]):
        assert model(**batch_of(dataset, items, model), mode="loss")["loss_miner"] == 0
    hook.before_train_epoch(runner)
    drone, satellite = (model.miner.memory[view] for view in VIEWS)
    for item in range(len(dataset)):
        if item not in seen:
            assert (sampler.candidates[item] == -1).all()
            continue
        row = dataset[item]["rows"]["drone"]
        query = drone.descriptors[drone.rows.tolist().index(row)]
        order = (satellite.descriptors @ query).argsort(descending=True)[:3]
        np.testing.assert_array_equal(sampler.candidates[item], satellite.labels[order])


def test_global_mining_needs_its_miner_and_sampler(dataset):
    sampler = GlobalMiningSampler(dataset, 4, seed=0)
    with pytest.raises(ConfigError, match="got DOCB and GlobalMiningSampler"):
        GlobalMiningHook().before_train(runner_of(build_model(dataset), dataset, sampler))
    model = build_model(dataset, type="GlobalMining", start_epoch=None)
    plain = torch.utils.data.SequentialSampler(dataset)
    with pytest.raises(ConfigError, match="got GlobalMining and SequentialSampler"):
        GlobalMiningHook().before_train(runner_of(model, dataset, plain))
