import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.evaluation import evaluate_retrieval
from geoloc.evaluation.results import load_run
from tests.conftest import ROOT, one_campus

PLACES, VIEWS = 20, 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with features of another project, not normalised, and their index."""
    index = one_campus(PLACES, VIEWS, tmp_path, spread_deg=0.01)
    index.to_csv(tmp_path / "index.csv")
    rng = np.random.default_rng(1)
    features = rng.normal(size=(PLACES, 6))[index.place] + rng.normal(size=(len(index), 6))
    np.save(tmp_path / "features.npy", 5 * features)
    return tmp_path


def evaluate(*arguments: object) -> None:
    """Run the tool in this process."""
    argv = sys.argv
    sys.argv = ["evaluate", *map(str, arguments)]
    try:
        runpy.run_path(str(ROOT / "tools/evaluate.py"), run_name="__main__")
    finally:
        sys.argv = argv


def refusal(*arguments: object) -> str:
    with pytest.raises(SystemExit) as stop:
        evaluate(*arguments)
    assert isinstance(stop.value.code, str)
    return stop.value.code


def shown(text: str, row: str) -> list[str]:
    """Return the cells of a row of the printed table."""
    line = next(line for line in text.splitlines() if line.startswith(f"│ {row} "))
    return [cell.strip() for cell in line.strip("│").split("│")][1:]


def test_features_of_another_project(folder, capsys):
    evaluate(folder / "features.npy", "--out", folder / "run")
    text = capsys.readouterr().out
    features = torch.from_numpy(np.load(folder / "features.npy")).float()
    descriptors = torch.nn.functional.normalize(features)
    index = Index.read_csv(folder / "index.csv")
    expected = evaluate_retrieval(descriptors, index, (3.0, 200.0, 500.0))
    cells = []
    for result in expected.values():
        low, high = result.intervals["H-AP"]
        cells.append(f"{result.metrics['H-AP']:.2f} [{low:.2f}, {high:.2f}]")
    assert shown(text, "H-AP") == cells
    assert shown(text, "queries") == ["60", "20"]
    saved, saved_index, content = load_run(folder / "run")
    np.testing.assert_allclose(saved, descriptors.numpy())
    assert saved_index.path.tolist() == index.path.tolist()
    assert content["drone->satellite"] == expected["drone->satellite"].metrics
    assert content["protocol"]["thresholds_m"] == [3.0, 200.0, 500.0]


def test_a_run_folder_brings_its_index_and_its_thresholds(folder, capsys):
    evaluate(folder / "features.npy", "--thresholds", "3", "100", "--out", folder / "run")
    first = capsys.readouterr().out
    evaluate(folder / "run")
    assert capsys.readouterr().out == first.partition("Results are")[0]
    assert "level2" in first


@pytest.mark.parametrize("name", ["descriptors", "feats"])
def test_an_archive_holds_them_by_name_or_alone(folder, capsys, name):
    features = np.load(folder / "features.npy").astype(np.float16)
    np.savez(folder / "features.npz", **{name: features})
    evaluate(folder / "features.npz", "--metrics", "R@1", "--tasks", "drone->satellite")
    assert len(shown(capsys.readouterr().out, "R@1/small")) == 1
    extra = {"labels": np.zeros(3)} if name == "feats" else {}
    np.savez(folder / "features.npz", **{name: features}, **extra)
    if extra:
        message = refusal(folder / "features.npz")
        assert (
            "holds the arrays feats, labels; save the one that counts as 'descriptors'" in message
        )


def test_options_reach_the_evaluation(folder, capsys):
    evaluate(
        folder / "features.npy",
        *("--metrics", "H-AP", "SDM@3", "R@1"),
        *("--rerank", "MSRerank", "k1_list=3,5,9", "k2=2", "clip_k=True"),
        *("--official", "dycl", "--tasks", "drone->satellite"),
    )
    text = capsys.readouterr().out
    assert "[official dycl]" in text
    assert "[MSRerank]" in text
    assert [float(cell) for cell in shown(text, "SDM@3")]
    assert "error/median_m" not in text


def test_mistakes_end_in_one_sentence(folder):
    def saved(values: np.ndarray) -> Path:
        np.save(folder / "broken.npy", values)
        return folder / "broken.npy"

    features = np.load(folder / "features.npy")
    nan, zero = features.copy(), features.copy()
    nan[7, 2], zero[9] = np.nan, 0
    few = folder / "features.npy"
    cases = {
        "broken.npy: the descriptor of row 7 contains NaN or infinity": (saved, nan),
        "broken.npy: the descriptor of row 9 is zero": (saved, zero),
        "must hold descriptors [n, D] of a real type, got float64 [80, 2, 3]": (
            saved,
            features.reshape(80, 2, 3),
        ),
        "of a real type, got complex128": (saved, features.astype(complex)),
        "79 descriptors for an index of 80 images": (saved, features[1:]),
    }
    for message, (write, values) in cases.items():
        assert message in refusal(write(values), "--index", folder / "index.csv"), message
    assert "none.npy does not exist" in refusal(folder / "none.npy")
    (folder / "text.npy").write_text("no array")
    assert "cannot be read as .npy or .npz" in refusal(folder / "text.npy")
    assert "metric 'mAp' is unknown" in refusal(few, "--metrics", "mAp")
    assert "there is no image of 'street'" in refusal(few, "--tasks", "street->satellite")
    assert "thresholds_m=(200.0, 3.0) must be positive" in refusal(few, "--thresholds", 200, 3)
    assert "k1=99 is larger than the gallery" in refusal(few, "--rerank", "KReciprocal", "k1=99")
    assert "'MSRank' is not in the re-ranker registry" in refusal(few, "--rerank", "MSRank")
    assert "unexpected keyword argument 'k3'" in refusal(few, "--rerank", "MSRerank", "k3=1")
    assert "give a NAME and then KEY=VALUE" in refusal(few, "--rerank", "k1=3")
    text = (folder / "index.csv").read_text().splitlines()
    (folder / "short.csv").write_text("\n".join(text[:-1]) + "\n")
    message = refusal(few, "--index", folder / "short.csv")
    assert "80 descriptors for an index of 79 images" in message
    only = [text[0], *(line for line in text if ",drone," in line)]
    (folder / "drone.csv").write_text("\n".join(only) + "\n")
    path = saved(features[:60])
    assert "there is no image of 'satellite'" in refusal(path, "--index", folder / "drone.csv")


def test_the_example_of_the_page_works_as_printed(tmp_path, capsys):
    page = (ROOT / "docs/evaluate.md").read_text()
    (tmp_path / "images.csv").write_text(page.partition("```text\n")[2].partition("```")[0])
    np.save(tmp_path / "features.npy", np.eye(2))
    evaluate(tmp_path / "features.npy", "--index", tmp_path / "images.csv")
    assert shown(capsys.readouterr().out, "R@1/small") == ["100.00 [100.00, 100.00]"] * 2
