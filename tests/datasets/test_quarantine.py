"""Images that cannot be read, in a training that may go on without some of them."""

import gc
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from geoloc.datasets import DACampus, PairDataset, PhotoDataset, collate_views
from geoloc.datasets.quarantine import LIST, Quarantine, read_list
from geoloc.datasets.worker_trace import naming_dead_workers
from geoloc.errors import ImageError
from tests.conftest import write_da_campus

TILES = 12  # rows of the index before the photos
PLAIN = [{"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}]


@pytest.fixture
def root(da_campus: Path, tmp_path: Path) -> Path:
    """Return a dataset of one's own to damage: 12 places, 3 photos and a tile of each."""
    return Path(shutil.copytree(da_campus, tmp_path / "data"))


def pairs(root: Path, **options: Any) -> PairDataset:
    pipelines = {"drone": PLAIN, "satellite": PLAIN}
    return PairDataset(DACampus(root, counts=None), pipelines=pipelines, **options)


def damage(root: Path, *names: str) -> None:
    for name in names:
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: len(content) // 2])


def test_the_first_unreadable_image_ends_a_training(root: Path) -> None:
    damage(root, "drone/train/0001/1.jpg")
    with pytest.raises(ImageError, match=r"drone/train/0001/1\.jpg cannot be decoded"):
        [*pairs(root)]


def test_without_a_limit_above_0_nothing_is_listed(root: Path, tmp_path: Path) -> None:
    damage(root, "drone/train/0001/1.jpg")
    listed = tmp_path / LIST
    with pytest.raises(ImageError, match=r"^image .*/0001/1\.jpg cannot be decoded"):
        [*pairs(root, max_unreadable=0, unreadable_list=str(listed))]
    assert not listed.exists()


def test_another_photo_of_the_place_is_taken(root: Path, tmp_path: Path) -> None:
    before = [*pairs(root)]
    damage(root, "drone/train/0001/1.jpg")
    listed = tmp_path / "run" / LIST
    dataset = pairs(root, max_unreadable=1, unreadable_list=str(listed))
    photos = [f"drone/train/0001/{k}.jpg" for k in range(3)]
    assert dataset.index.path[TILES : TILES + 3].tolist() == photos
    after = [*dataset]
    assert [item["places"] for item in after] == [item["places"] for item in before]
    assert [k for k in range(36) if after[k]["rows"] != before[k]["rows"]] == [1]
    taken = after[1]["rows"]["drone"]
    assert taken in (TILES, TILES + 2)
    image = before[taken - TILES]["inputs"]["drone"]
    torch.testing.assert_close(after[1]["inputs"]["drone"], image)
    assert dataset[1]["rows"] == after[1]["rows"]  # again the same
    (line,) = listed.read_text().splitlines()
    assert line.startswith(f"image {root}/drone/train/0001/1.jpg cannot be decoded")


def test_a_place_without_a_readable_image_gives_way_to_the_next(root: Path, tmp_path: Path) -> None:
    damage(root, "satellite/train/0012/0.jpg", *(f"drone/train/0001/{k}.jpg" for k in range(3)))
    dataset = pairs(root, max_unreadable=4, unreadable_list=str(tmp_path / LIST))
    items = [*dataset]
    assert all(item["rows"] == dataset[3]["rows"] for item in items[:3])
    assert all(item["rows"] == dataset[3]["rows"] for item in items[33:])  # round the end
    assert len((tmp_path / LIST).read_text().splitlines()) == 4


def test_more_than_the_limit_end_it_and_are_listed(root: Path, tmp_path: Path) -> None:
    names = [f"drone/train/{place:04d}/0.jpg" for place in (1, 2, 3)]
    damage(root, *names)
    dataset = pairs(root, max_unreadable=2, unreadable_list=str(tmp_path / LIST))
    with pytest.raises(ImageError, match=rf"3 images .* max_unreadable=2.*{LIST}.*0003/0\.jpg"):
        [*DataLoader(dataset, 4, collate_fn=collate_views)]
    lines = (tmp_path / LIST).read_text().splitlines()
    assert all(name in line for name, line in zip(names, lines, strict=True))


def test_nothing_readable_ends_it_whatever_the_limit(tmp_path: Path) -> None:
    root = write_da_campus(tmp_path / "data", train=2, test=1)
    damage(root, *(f"satellite/train/{place:04d}/0.jpg" for place in (1, 2)))
    with pytest.raises(ImageError, match=r"no place of 6 can be read, see .*unreadable"):
        pairs(root, max_unreadable=99, unreadable_list=str(tmp_path / LIST))[0]


def test_an_image_loaded_again_is_replaced_too(root: Path, tmp_path: Path) -> None:
    damage(root, "drone/train/0001/0.jpg", "satellite/train/0001/0.jpg")
    dataset = pairs(root, max_unreadable=2, unreadable_list=str(tmp_path / LIST))
    others = [dataset.reload("drone", TILES + k, 1) for k in (1, 2)]
    assert any(torch.equal(dataset.reload("drone", TILES, 1), other) for other in others)
    with pytest.raises(ImageError, match="nor others of its place"):
        dataset.reload("satellite", 0, 1)


def test_the_next_photo_is_taken(root: Path, tmp_path: Path) -> None:
    damage(root, "drone/train/0001/1.jpg")
    source = DACampus(root, counts=None)
    options = {"max_unreadable": 1, "unreadable_list": str(tmp_path / LIST)}
    photos = PhotoDataset(source, pipeline=PLAIN, view="drone", **options)
    assert [photos[k]["rows"] for k in range(4)] == [0, 2, 2, 3]
    torch.testing.assert_close(photos[1]["coordinates"], photos[2]["coordinates"])


def test_processes_list_an_image_once(tmp_path: Path) -> None:
    lists = [Quarantine(tmp_path / LIST, 2) for _ in range(2)]
    for number in (1, 2):
        for one in lists:
            one.add(ImageError(f"image {number}.jpg\nis broken"))
    assert (tmp_path / LIST).read_text() == "image 1.jpg is broken\nimage 2.jpg is broken\n"


def test_an_image_that_two_processes_listed_at_once_counts_once(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text("image 1.jpg is broken\n" * 2)
    quarantine = Quarantine(tmp_path / LIST, 2)
    quarantine.add(ImageError("image 1.jpg is broken"))
    quarantine.add(ImageError("image 2.jpg is broken"))
    assert len(read_list(tmp_path / LIST)) == 2
    with pytest.raises(ImageError, match="3 images cannot be read"):
        quarantine.add(ImageError("image 3.jpg is broken"))


def test_an_image_whose_name_is_no_utf8_is_listed(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / LIST, 1)
    for _ in range(2):
        quarantine.add(ImageError("image \udcff.jpg is broken"))
    assert read_list(tmp_path / LIST) == [r"image \udcff.jpg is broken"]


class Deadly(PairDataset):
    """Its loading process is killed while it reads the seventh photo."""

    def __getitem__(self, item: int) -> dict[str, Any]:
        found = super().__getitem__(item)
        if item == 6:
            self.pipelines.load("drone", self.index.file(int(self._items[item])))
            os.kill(os.getpid(), signal.SIGKILL)
        return found


@pytest.mark.parametrize("workers", [1, 2])
def test_the_file_of_a_dead_process_is_named(root: Path, workers: int) -> None:
    pipelines = {"drone": PLAIN, "satellite": PLAIN}
    dataset = Deadly(DACampus(root, counts=None), pipelines=pipelines)
    loader = DataLoader(dataset, 4, num_workers=workers, collate_fn=collate_views)
    message = r"pid \d+\) died while .*drone/train/0003/0\.jpg: look"
    with pytest.raises(ImageError, match=message), naming_dead_workers():
        list(loader)
    gc.collect()  # the loader: as long as it is there, torch may raise for its dead process again


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match=r"^shapes$"), naming_dead_workers():
        raise RuntimeError("shapes")


def test_a_run_lists_and_goes_on(
    run_tool: Callable[..., Any], small_config: Callable[..., Path], root: Path, tmp_path: Path
) -> None:
    damage(root, "drone/train/0001/1.jpg")
    extra = "train_dataloader = dict(num_workers=1, dataset=dict(max_unreadable={limit}))\n"
    data = ("--data-root", root)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LIST).write_text("an image of a run before, repaired since\n")
    one = run_tool(
        "train.py", small_config(extra=extra.format(limit=1)), "--work-dir", "run", *data
    )
    assert one.returncode == 0, one.stderr
    (line,) = read_list(tmp_path / "run" / LIST)
    assert "0001/1.jpg" in line
    assert "Unreadable images that were left out: 1, see run/unreadable.txt" in one.stdout
    none = run_tool("train.py", small_config(extra=extra.format(limit=0)), *data)
    assert none.returncode == 1
    assert "0001/1.jpg cannot be decoded" in none.stderr.splitlines()[-1]
