import math

import numpy as np
import pytest
import torch

from geoloc.datasets.image_reloader import ImageReloader
from geoloc.errors import ConfigError
from geoloc.models import chunked_pass
from geoloc.models.miners import DOCB

from .conftest import VIEWS, batch_of, build_model, freeze_batch_norm, global_batch

# items 0 .. 35 are drone images; places lie in two campuses in turn, three items each
FIRST, SECOND, THIRD = [0, 3, 6, 9], [12, 15, 18, 21], [24, 27, 30, 33]


def trained(dataset, **options):
    """Return a model whose memory holds two batches, and its loss on a third."""
    model = build_model(dataset, **options)
    for items in (FIRST, SECOND):
        model(**batch_of(dataset, items, model), mode="loss")
    return model


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def spy(model):
    """Return a ``describe`` that records its images, in float64 with gradient."""
    seen = {}

    def describe(images, view):
        seen[view] = images.double().requires_grad_()
        return model.describe_reloaded(seen[view], view)

    return describe, seen


def mined_loss(model, batch):
    describe, seen = spy(model)
    return model.miner(batch, describe), seen


@pytest.mark.parametrize("options", [{"weight": 0.0}, {"memory_size": 1}])
def test_weight_0_or_an_empty_memory_leaves_the_loss_of_the_batch(dataset, options):
    plain, model = build_model(), build_model(dataset, **options)
    plain.set_place_levels(model.place_levels)
    batches = [FIRST, SECOND] if "weight" in options else [FIRST]
    for items in batches:
        expected = plain(**batch_of(dataset, items, plain), mode="loss")
        found = model(**batch_of(dataset, items, model), mode="loss")
        assert found["loss_infonce"] == expected["loss_infonce"]
        assert found["loss_miner"] == 0
        torch.testing.assert_close(
            gradients(model, sum(found.values())),
            gradients(plain, sum(expected.values())),
            rtol=0,
            atol=0,
        )


def test_value_is_that_of_plain_loops(dataset):
    model = freeze_batch_norm(trained(dataset, refresh=False, alpha=7.0))
    batch = global_batch(dataset, THIRD, model)
    remembered = {view: model.miner.memory[view] for view in VIEWS}
    total = 0.0
    for anchors, view in (VIEWS, VIEWS[::-1]):
        memory = remembered[view]
        for i in range(4):
            place = int(batch.rows[view][i])
            distances = {
                int(row): 2 - 2 * float(batch.descriptors[anchors][i].detach() @ descriptor)
                for row, descriptor in zip(memory.rows, memory.descriptors, strict=True)
                if (dataset.index.lat[int(row)] > 30.05) != (dataset.index.lat[place] > 30.05)
            }
            row = min(distances, key=distances.get)
            image = dataset.reload(view, row, 3)[None]
            fresh = model.describe_reloaded(image, view)[0]
            pair = [batch.descriptors[name][i] for name in (anchors, view)]
            gap = 2 * float(pair[0].detach() @ (fresh - pair[1]).detach())
            total += math.log(1 + math.exp(7.0 * gap)) / 8
    assert mined_loss(model, batch)[0].item() == pytest.approx(total, rel=1e-9)


def test_the_mined_image_takes_part_in_backpropagation(dataset):
    """The value is XBM-hard's where the memory is fresh; the gradient is not."""
    values, slopes = [], []
    for reload in (True, False):
        model = freeze_batch_norm(trained(dataset, reload=reload))
        batch = global_batch(dataset, THIRD, model)
        for view in VIEWS:  # what the reload will say
            memory = model.miner.memory[view]
            images = torch.stack([dataset.reload(view, int(row), 3) for row in memory.rows])
            memory.descriptors = model.describe_reloaded(images, view).detach()
        loss, seen = mined_loss(model, batch)
        values.append(loss.item())
        slopes.append(gradients(model, loss))
        assert list(seen) == (["satellite", "drone"] if reload else [])
        for images in seen.values():
            assert (images.grad.flatten(1).abs().sum(dim=1) > 0).all()
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    assert float((slopes[0] - slopes[1]).norm() / slopes[1].norm()) > 0.1


def test_only_the_needed_view_is_described(dataset):
    for directions, views in (("query", ["satellite"]), ("gallery", ["drone"])):
        model = trained(dataset, directions=directions)
        loss, seen = mined_loss(model, global_batch(dataset, THIRD, model))
        assert list(seen) == views
        assert loss > 0
    both = trained(dataset)
    named = trained(dataset, directions=("drone",))
    assert both.miner.directions == [VIEWS, VIEWS[::-1]]
    assert named.miner.directions == [VIEWS]


@pytest.mark.parametrize("refresh", [True, False])
def test_the_memory_takes_the_fresh_descriptors(dataset, refresh):
    model = trained(dataset, refresh=refresh, memory_size=9)
    with torch.no_grad():
        model.head.fc.weight += 0.5  # the network moves on, the memory is stale
    batch = global_batch(dataset, THIRD, model)
    before = model.miner.memory["satellite"].descriptors
    rows = model.miner.memory["satellite"].rows
    _, seen = mined_loss(model, batch)
    after = model.miner.memory["satellite"]
    assert torch.equal(after.rows, torch.cat([batch.rows["satellite"], rows]))
    torch.testing.assert_close(after.descriptors[:4], batch.descriptors["satellite"].detach())
    changed = (after.descriptors[4:] != before).any(dim=1)
    assert changed.any() == refresh
    fresh = model.describe_reloaded(seen["satellite"].detach(), "satellite").detach()
    for descriptor in after.descriptors[4:][changed]:
        assert torch.isclose(fresh, descriptor, atol=1e-12).all(dim=1).any()


def test_an_anchor_without_negatives_adds_nothing_but_counts(dataset):
    model = build_model(dataset, reload=True)
    # the memory has places of one campus only, so the anchors of that campus find nothing
    campus = dataset.index.lat > 30.05
    items = [item for item in range(0, 36, 3) if campus[dataset[item]["rows"]["drone"]]]
    model(**batch_of(dataset, items[:4], model), mode="loss")
    assert mined_loss(model, global_batch(dataset, items[4:], model))[0] == 0
    mixed = [*items[4:], *(item for item in range(0, 36, 3) if item not in items)][:4]
    model = freeze_batch_norm(build_model(dataset))
    model(**batch_of(dataset, items[:4], model), mode="loss")
    batch = global_batch(dataset, mixed, model)
    mined = model.miner.search(batch, model.miner.memory, VIEWS)
    assert mined.found.tolist() == [False, False, True, True]
    loss, seen = mined_loss(model, batch)
    loss.backward()
    assert len(seen["drone"]) == 4  # equal shapes on all processes
    assert (seen["drone"].grad[:2] == 0).all()
    assert (seen["drone"].grad[2:] != 0).any()


def test_reloading_leaves_the_batch_statistics_alone(dataset):
    plain, model = build_model(), trained(dataset)
    for items in (FIRST, SECOND):
        for view in VIEWS:
            plain.describe(batch_of(dataset, items, plain)["inputs"][view], view)
    one, other = (m.backbone[1] for m in (plain, model))
    assert torch.equal(one.running_mean, other.running_mean)
    assert other.training


def test_reloaded_images_depend_on_seed_epoch_row_and_step_only(dataset):
    first = dataset.reload("drone", 2, 5)
    assert first.shape == (3, 16, 16)
    assert torch.equal(dataset.reload("drone", 2, 5), first)
    assert not torch.equal(dataset.reload("drone", 2, 6), first)
    assert not torch.equal(dataset.reload("drone", 3, 5), first)
    dataset.set_epoch(1)
    assert not torch.equal(dataset.reload("drone", 2, 5), first)


def test_background_processes_load_the_same(dataset):
    reloaders = [ImageReloader(dataset, workers) for workers in (0, 2)]
    satellite = dataset[0]["rows"]["satellite"]
    state = torch.get_rng_state()
    for step in (1, 2):
        wanted = {
            "drone": [*range(20), 3, 0, 3],
            "satellite": [satellite],
        }
        here, there = (reloader(wanted, step) for reloader in reloaders)
        for view in wanted:
            assert torch.equal(here[view], there[view])
        assert torch.equal(here["drone"][20], here["drone"][3])
        assert torch.equal(here["drone"][5], dataset.reload("drone", 5, step))
    assert torch.equal(torch.get_rng_state(), state)


def test_start_at_an_epoch_or_when_the_batch_has_become_easy(dataset):
    model = trained(dataset, start_epoch=2, start_fraction=0.0)
    batch = global_batch(dataset, THIRD, model)
    assert mined_loss(model, batch)[0] == 0
    model.miner.set_epoch(2)
    assert mined_loss(model, batch)[0] > 0

    model = build_model(dataset, start_epoch=99, start_fraction=0.3)
    alike = dict.fromkeys(VIEWS, torch.ones(4, 6).double())
    apart = dict.fromkeys(VIEWS, torch.eye(6).double()[:4])
    for start in (0, 4):
        rows = {view: torch.arange(4) + start for view in VIEWS}
        hard = batch._replace(labels=torch.arange(4) + start, descriptors=alike, rows=rows)
        assert mined_loss(model, hard)[0] == 0
    assert mined_loss(model, batch._replace(labels=torch.arange(4), descriptors=apart))[0] > 0
    assert mined_loss(model, hard)[0] > 0  # begun is begun
    again = build_model(dataset, start_epoch=99, start_fraction=0.3)
    again.load_state_dict(model.state_dict())
    assert again.miner.start.started


def test_mistakes_are_named(dataset):
    with pytest.raises(ConfigError, match=r"only one"):
        DOCB(("drone",))
    with pytest.raises(ConfigError, match=r"directions='sideways' must be one of both, query"):
        DOCB(VIEWS, directions="sideways")
    with pytest.raises(ConfigError, match=r"directions=\['street'\] must be views among drone"):
        DOCB(VIEWS, directions=["street"])
    with pytest.raises(ConfigError, match=r"start_fraction=2"):
        DOCB(VIEWS, start_fraction=2)
    with pytest.raises(ConfigError, match=r"list has no reload"):
        DOCB(VIEWS).set_dataset([])
    model = trained(dataset)
    model.miner.reloader = None
    with pytest.raises(ConfigError, match=r"MinerHook"):
        model(**batch_of(dataset, THIRD, model), mode="loss")
    with pytest.raises(RuntimeError, match="rows of the batch"):
        model.loss(
            dict.fromkeys(VIEWS, torch.eye(6).double()), dict.fromkeys(VIEWS, torch.arange(6))
        )


def test_the_radius_needs_positions(dataset):
    miner = DOCB(VIEWS, exclusion_radius_m=100.0, negative_level=9)
    miner.set_dataset(dataset)
    places = torch.arange(12)
    levels = miner.search.nearby(places, places)
    assert levels.sum() == 12 + 2 * 10  # places 90 m apart, six on each campus
    dataset.index = dataset.index.take(np.arange(len(dataset.index)))
    dataset.index.lat[:] = float("nan")
    with pytest.raises(ConfigError, match=r"exclusion_radius_m=100\.0 needs positions"):
        miner.set_dataset(dataset)


def test_reloaded_images_go_in_chunks_too(dataset, monkeypatch):
    """Their BatchNorm works with the statistics of a chunk and records none of them."""
    whole = {}
    for keeps_graph in (False, True):
        if keeps_graph:
            monkeypatch.setattr(chunked_pass, "checkpoint", lambda embed, chunk, **_: embed(chunk))
        model = build_model(dataset)
        model.chunk_size = 2
        for items in (FIRST, SECOND):
            model(**batch_of(dataset, items, model), mode="loss")
        losses = model(**batch_of(dataset, THIRD, model), mode="loss")
        assert losses["loss_miner"] > 0
        whole[keeps_graph] = gradients(model, sum(losses.values())), dict(model.named_buffers())
    torch.testing.assert_close(whole[False], whole[True], rtol=1e-9, atol=1e-12)
