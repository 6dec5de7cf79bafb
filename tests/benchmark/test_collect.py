import json
from pathlib import Path

import pytest

from geoloc.benchmark.collect import collect, read_published
from geoloc.benchmark.labels import note
from geoloc.benchmark.suite import Entry, Suite
from geoloc.benchmark.table import Column
from geoloc.errors import DatasetError

TASK = "drone->satellite"
SUITE = Suite(
    "a title",
    ("Data",),
    (
        Entry("A", "single", "a"),
        Entry("A+MSRerank", "re-ranked", "a", ranking="MSRerank"),
        Entry("B", "multi", "b", {"model.losses.b.level": 2}),
        Entry("C at last", "multi", "c", paper="C"),
    ),
    (TASK,),
    ("H-AP", "mAP/small"),
)
PAPER = ("a paper", {"A": {TASK: {"H-AP": 40.0}}, "C": {TASK: {"H-AP": 50.0, "mAP/small": 0.0}}})
HAP, MAP = SUITE.columns


def write(folder: Path, seed: int, fingerprint: str = "f", record: bool = True, **tasks) -> None:
    run = folder / f"seed{seed}"
    run.mkdir(parents=True)
    protocol = {"dataset": "Data", "fingerprint": fingerprint}
    content = {"protocol": protocol, "geoloc_version": "0.1+g1", **tasks}
    (run / "metrics.json").write_text(json.dumps(content))
    if record:
        (run / "run.json").write_text(json.dumps({"seed": seed, "wall_s": 10.0 * seed}))


@pytest.fixture
def results(tmp_path):
    reranked = f"{TASK} [MSRerank]"
    for seed, value in ((0, 10.0), (10, 30.0), (2, 20.0)):
        plain = {"H-AP": value, "mAP/small": value / 2}
        write(tmp_path / "a", seed, **{TASK: plain, reranked: {"H-AP": value + 1}})
    write(tmp_path / "b,b.level=2", 0, **{TASK: {"H-AP": 0.0}})
    write(tmp_path / "c", 0, record=False, **{TASK: {"H-AP": 99.0}})
    return tmp_path


def test_rows_hold_the_numbers_of_their_runs(results) -> None:
    table = collect("suite", SUITE, results, None, PAPER)
    plain, reranked, changed, missing = table.rows
    assert plain.ours[HAP].values == (10.0, 20.0, 30.0)  # in the order of the seeds 0, 2, 10
    assert plain.ours[MAP].mean == 10.0
    assert reranked.ours[HAP].values == (11.0, 21.0, 31.0)
    assert MAP not in reranked.ours
    assert changed.ours == {HAP: ((0.0,), 0.0, None, None)}
    assert [run["wall_s"] for run in plain.runs] == [0.0, 20.0, 100.0]
    assert {run["geoloc_version"] for run in plain.runs} == {"0.1+g1"}
    assert plain.paper == {HAP: 40.0}
    assert missing.paper == {HAP: 50.0, MAP: 0.0}
    assert table.data == "Data (f)"


def test_a_run_that_is_not_finished_is_missing(results) -> None:
    assert collect("suite", SUITE, results, None, PAPER).rows[-1].ours == {}


def test_only_the_seeds_that_are_asked_for_count(results) -> None:
    for seeds, values in ((2, (10.0,)), (3, (10.0, 20.0))):  # there are 0, 2 and 10
        table = collect("suite", SUITE, results, seeds, PAPER)
        assert table.rows[0].ours[HAP].values == values


def test_no_run_at_all_makes_an_empty_table(tmp_path) -> None:
    table = collect("suite", SUITE, tmp_path, None, PAPER)
    assert all(row.ours == {} for row in table.rows)
    assert table.columns == (Column(TASK, "H-AP"), Column(TASK, "mAP/small"))


def test_runs_on_different_data_are_no_table(results) -> None:
    write(results / "c", 1, fingerprint="g", **{TASK: {"H-AP": 1.0}})
    with pytest.raises(DatasetError, match=r"different data \(Data \(f\), Data \(g\)\)"):
        collect("suite", SUITE, results, None, PAPER)


def test_a_paper_without_the_data_is_named(tmp_path) -> None:
    path = tmp_path / "papers.json"
    path.write_text('{"tables": [{"data": "Data", "source": "s", "results": {}}]}')
    assert read_published(path, ["Data"]) == ("s, on Data", {})
    with pytest.raises(DatasetError, match="no table of Dada"):
        read_published(path, ["Dada"])


def test_every_subset_has_runs_of_its_own(tmp_path) -> None:
    suite = Suite(
        "a title",
        ("Set-One", "Set-Two"),
        (Entry("A", "g", "a"), Entry("A+MSRerank", "g", "a", ranking="MSRerank")),
        ("Set-One", "Set-Two"),
        ("mAP",),
        subsets={"Set-One": "_one", "Set-Two": "_two"},
    )
    assert list(suite.runs()) == ["a_one", "a_two"]
    for subset, value in (("_one", 10.0), ("_two", 20.0)):
        tasks = {"overall": {"mAP": value}, "overall [MSRerank]": {"mAP": value + 1}}
        write(tmp_path / f"a{subset}", 0, fingerprint=subset, fine={"mAP": 99.0}, **tasks)
    path = tmp_path / "papers.json"
    papers = [
        {"data": name, "source": "s", "results": {"A": {name: {"mAP": value}}}}
        for name, value in (("Set-One", 1.0), ("Set-Two", 2.0))
    ]
    path.write_text(json.dumps({"tables": papers}))
    paper = read_published(path, suite.paper_data)
    table = collect("suite", suite, tmp_path, None, paper)
    one, two = suite.columns
    plain, reranked = table.rows
    assert (plain.ours[one].mean, plain.ours[two].mean) == (10.0, 20.0)
    assert (reranked.ours[one].mean, reranked.ours[two].mean) == (11.0, 21.0)
    assert plain.paper == {one: 1.0, two: 2.0}
    assert table.data == "Data (_one), Data (_two)"
    assert table.paper == "s, on Set-One, Set-Two"
    assert len(plain.runs) == 2


STREET = Suite(
    "street",
    ("Data",),
    (Entry("A", "g", "a"), Entry("B", "g", "b")),
    ("X->Y", "Y->X"),
    ("R@1",),
    subsets={"X->Y": "_x", "Y->X": "_y"},
    subset_task="transfer",
    products=("transfer",),
    costs=("GMACs",),
)


def test_costs_and_transfers_stand_in_files_of_their_own(tmp_path) -> None:
    for run, value in (("a_x", 10.0), ("a_y", 20.0), ("b_x", 30.0)):
        write(tmp_path / run, 0, **{TASK: {"R@1": 99.0}})
        folder = tmp_path / run / "seed0"
        (folder / "run.json").write_text(
            json.dumps({"seed": 0, "key": {"config": run, "code": ""}})
        )
        key = {"config": run if run != "b_x" else "another run", "code": ""}
        content = {"key": key, "content": {"R@1": value}}
        (folder / "transfer.json").write_text(json.dumps(content))
    (tmp_path / "cost").mkdir()
    for name, macs in (("a", 40.0), ("b", 30.0)):
        content = {"key": {}, "content": {"GMACs": macs, "ms per batch": 1.0}}
        (tmp_path / f"cost/{name}.json").write_text(json.dumps(content))
    published = {"A": {"cost": {"GMACs": 40.68}, "X->Y": {"R@1": 53.67}}}
    table = collect("street", STREET, tmp_path, None, ("a paper", published))
    cost, there, back = table.columns
    assert cost == ("cost", "GMACs")
    one, other = table.rows
    assert {column: value.mean for column, value in one.ours.items()} == {
        cost: 40.0,
        there: 10.0,
        back: 20.0,
    }
    assert {column: value.mean for column, value in other.ours.items()} == {cost: 30.0}
    assert one.paper == {cost: 40.68, there: 53.67}
    assert table.ranked(cost) == [other, one]  # less is better
    assert "one seed" in note(table)
    assert "papers' size" in note(table)


def test_a_column_may_show_another_split_of_the_same_runs(tmp_path) -> None:
    suite = Suite(
        "splits",
        ("Data",),
        (Entry("A", "g", "a"), Entry("B", "g", "b")),
        ("val", "test"),
        ("R@1",),
        subsets={"val": "_x", "test": "_x"},
        subset_task=TASK,
        other_tasks={"test": "test_split"},
        products=("test_split",),
    )
    assert list(suite.runs()) == ["a_x", "b_x"]
    for run in ("a_x", "b_x"):
        write(tmp_path / run, 0, **{TASK: {"R@1": 85.0}})
    folder = tmp_path / "a_x/seed0"
    key = json.loads((folder / "run.json").read_text()).get("key")
    (folder / "test_split.json").write_text(json.dumps({"key": key, "content": {"R@1": 63.0}}))
    published = {"A": {"test": {"R@1": 63.04}}}
    one, other = collect("splits", suite, tmp_path, None, ("a paper", published)).rows
    val, test = suite.columns
    assert (one.ours[val].mean, one.ours[test].mean) == (85.0, 63.0)
    assert one.paper == {test: 63.04}
    assert list(other.ours) == [val]  # not evaluated there


def test_tables_of_one_dataset_are_told_apart_by_name(tmp_path) -> None:
    first = {"data": "D", "source": "Table 1", "results": {"A": {"D": {"R@1": 1.0}}}}
    second = {**first, "name": "costs", "source": "Table 3"}
    (tmp_path / "p.json").write_text(json.dumps({"tables": [first, second]}))
    assert read_published(tmp_path / "p.json", ["D"])[0] == "Table 1, on D"
    assert read_published(tmp_path / "p.json", ["costs"])[0] == "Table 3, on D"
