import json

import pytest

from geoloc.errors import DatasetError
from geoloc.evaluation.comparison import compare_runs, comparison, markdown, terminal

FIRST = {"a->b": {"H-AP": 40.0, "R@1/small": 12.345, "queries": 7}, "b->a": {"H-AP": 1.0}}
SECOND = {"a->b": {"H-AP": 50.5, "ASI": 3.0}}


def write_run(folder, results, fingerprint="f1"):
    folder.mkdir(parents=True)
    content = {**results, "protocol": {"dataset": "World", "fingerprint": fingerprint}}
    (folder / "metrics.json").write_text(json.dumps(content))
    return folder


def test_tables_hold_every_run_and_a_dash_for_what_it_lacks():
    tables = comparison({"one": FIRST, "two": SECOND})
    assert tables == {
        "a->b": [
            ["run", "H-AP", "ASI", "R@1/small"],
            ["one", "40.00", "-", "12.35"],
            ["two", "50.50", "3.00", "-"],
        ],
        "b->a": [["run", "H-AP"], ["one", "1.00"], ["two", "-"]],
    }
    lines = markdown(tables["a->b"]).splitlines()
    assert lines[1] == "| --- | ---: | ---: | ---: |"
    assert lines[3] == "| two | 50.50 | 3.00 | - |"
    assert "50.50" in terminal("title", tables["a->b"])


def test_rows_are_named_by_folder_or_by_path_where_names_repeat(tmp_path):
    one, two = write_run(tmp_path / "x/dycl", FIRST), write_run(tmp_path / "x/mine", SECOND)
    again = write_run(tmp_path / "y/dycl", FIRST)
    assert [row[0] for row in compare_runs([one, two])["a->b"]] == ["run", "dycl", "mine"]
    rows = compare_runs([one, again])["a->b"]
    assert [row[0] for row in rows] == ["run", str(one), str(again)]


def test_unfinished_runs_and_other_data_are_refused(tmp_path):
    one = write_run(tmp_path / "one", FIRST)
    other = write_run(tmp_path / "other", FIRST, fingerprint="f2")
    with pytest.raises(DatasetError, match="no finished run"):
        compare_runs([one, tmp_path])
    with pytest.raises(DatasetError, match=r"one and .*other .*\(World f1 and World f2\)"):
        compare_runs([one, other])
