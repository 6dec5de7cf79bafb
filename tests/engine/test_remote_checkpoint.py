"""Weights from an address are read as carefully as those from a file."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from geoloc.engine.pretrained import PretrainedInit
from geoloc.errors import CheckpointError
from tests.corpus.hostile import Payload


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of ``tmp_path``, and a cache of its own for downloads."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_weights_are_downloaded_once(address: str, tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1, 2), "bias": torch.ones(1)}, tmp_path / "linear.pth")
    layer = nn.Linear(2, 1)
    PretrainedInit(f"{address}/linear.pth")(layer)
    assert layer.weight.tolist() == [[1.0, 1.0]]
    (tmp_path / "linear.pth").unlink()
    PretrainedInit(f"{address}/linear.pth")(layer)


def test_a_machine_without_the_file_of_the_first_process_downloads_too(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geoloc.engine.checkpoint.is_main_process", lambda: False)
    torch.save({"weight": torch.ones(1, 2), "bias": torch.ones(1)}, tmp_path / "linear.pth")
    layer = nn.Linear(2, 1)
    PretrainedInit(f"{address}/linear.pth")(layer)
    assert layer.weight.tolist() == [[1.0, 1.0]]


def test_a_hostile_download_is_not_run(address: str, tmp_path: Path) -> None:
    torch.save({"weight": Payload(tmp_path / "MARK")}, tmp_path / "linear.pth")
    with pytest.raises(CheckpointError, match="pickled objects"):
        PretrainedInit(f"{address}/linear.pth")(nn.Linear(2, 1))
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{}/gone.pth", "cannot be downloaded.*give its path"),
        ("{}/", "has no file name"),
        ("torchvision://resnet0", "torchvision has no weights 'resnet0'"),
        *((f"{scheme}://x", "give a path") for scheme in ("open-mmlab", "mmcls", "pavi", "s3")),
    ],
)
def test_other_addresses_are_refused(name: str, message: str, address: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        CheckpointLoader.load_checkpoint(name.format(address), "cpu")


def test_a_name_of_torchvision_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "geoloc.engine.checkpoint.load_remote_checkpoint", lambda *given: asked.append(given)
    )
    CheckpointLoader.load_checkpoint("torchvision://resnet18", "cpu")
    assert asked == [("https://download.pytorch.org/models/resnet18-f37072fd.pth", "cpu")]
