"""Checkpoints that load without running code from them, wherever they come from."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader, get_torchvision_models
from torch.distributed.fsdp import FullyShardedDataParallel

from geoloc.errors import CheckpointError
from geoloc.inner_paths import is_file_name
from geoloc.models.growing_buffers import GrowingBuffers
from geoloc.registry import HOOKS

TRUST_VARIABLE = "GEOLOC_TRUST_CHECKPOINTS"
MAGIC = (b"PK\x03\x04", b"\x80")  # of zip archives, and of pickles as torch wrote them before
TRAINING_ONLY = ("losses.", "miner.", "queue.", "noise.")


@CheckpointLoader.register_scheme(prefixes="", force=True)
def load_local_checkpoint(filename: str, map_location: Any = "cpu") -> dict[str, Any]:
    """Read a local checkpoint, refusing pickled objects (mmengine's loader for plain paths).

    Args:
        filename: Path of the file.
        map_location: As in ``torch.load``.

    Returns:
        The checkpoint's content: tensors, numbers, strings and containers of them.

    Raises:
        CheckpointError: If the file is missing, damaged, packed to unpack to more than its size, or
            holds pickled objects. The last is allowed only where the environment says
            ``GEOLOC_TRUST_CHECKPOINTS=1``.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise CheckpointError(f"checkpoint {filename} does not exist")
    with path.open("rb") as stream:
        if not stream.read(4).startswith(MAGIC):
            raise CheckpointError(
                f"checkpoint {filename} cannot be read: it does not begin as files of torch.save do"
            )
    if _unpacks(path):
        raise CheckpointError(
            f"checkpoint {filename} is compressed, as torch.save never does, and could fill the "
            "memory; take it from its source again"
        )
    trusted = os.environ.get(TRUST_VARIABLE) == "1"
    try:
        content: dict[str, Any] = torch.load(
            path, map_location=map_location, weights_only=not trusted
        )
    except pickle.UnpicklingError as error:
        reason = str(error).partition("WeightsUnpickler error: ")[2].partition(". Please")[0]
        reason = " ".join(reason.partition("Check the documentation")[0].split())
        raise CheckpointError(
            f"checkpoint {filename} holds pickled objects ({reason or 'unreadable pickle'}), and "
            "loading those can run code of whoever made the file; if you trust its source, set "
            f"{TRUST_VARIABLE}=1 and repeat the command"
        ) from error
    except (ImportError, AttributeError) as error:  # only where pickled objects are allowed
        raise CheckpointError(
            f"checkpoint {filename} holds objects of a package that cannot be imported ({error}); "
            "install that package and repeat the command"
        ) from error
    except Exception as error:  # torch raises half a dozen types on broken files
        first_line = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CheckpointError(f"checkpoint {filename} cannot be read: {first_line}") from error
    return content


@CheckpointLoader.register_scheme(prefixes=("http://", "https://"), force=True)
def load_remote_checkpoint(filename: str, map_location: Any = "cpu") -> dict[str, Any]:
    """Download a checkpoint, once, and read it as a local one.

    mmengine would unpickle whatever a server sends. The file goes where ``torch.hub`` keeps its
    own; of several processes the first downloads, and on other machines that do not see its file
    each.

    Args:
        filename: URL.
        map_location: As in ``torch.load``.

    Raises:
        CheckpointError: If it cannot be downloaded or read, see ``load_local_checkpoint``.
    """
    name = Path(urlparse(filename).path).name
    if not is_file_name(name):
        raise CheckpointError(f"checkpoint {filename} has no file name; give the URL of a file")
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    for is_turn in (is_main_process(), True):  # another machine may have a cache of its own
        if is_turn and not file.is_file():
            _download(filename, file)
        barrier()
    content: dict[str, Any] = load_local_checkpoint(str(file), map_location)
    return content


@CheckpointLoader.register_scheme(prefixes=("modelzoo://", "torchvision://"), force=True)
def load_torchvision_checkpoint(filename: str, map_location: Any = "cpu") -> dict[str, Any]:
    """Download weights of torchvision by the name of the model; see ``load_remote_checkpoint``."""
    name, known = filename.partition("://")[2], get_torchvision_models()
    if name not in known:
        raise CheckpointError(f"checkpoint {filename}: torchvision has no weights {name!r}")
    content: dict[str, Any] = load_remote_checkpoint(known[name], map_location)
    return content


@CheckpointLoader.register_scheme(
    prefixes=(
        *("open-mmlab://", "openmmlab://", "mmcls://", "pavi://"),
        *(r"(\S+\:)?s3://", r"(\S+\:)?petrel://"),
    ),
    force=True,
)
def refuse_checkpoint(filename: str, map_location: Any = "cpu") -> dict[str, Any]:
    """Refuse the other addresses of mmengine, whose readers unpickle.

    Raises:
        CheckpointError: Always.
    """
    raise CheckpointError(
        f"checkpoint {filename}: give a path, a URL with https:// or torchvision://<model>"
    )


def _download(address: str, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(address, str(file), progress=False)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint {address} cannot be downloaded ({error}); download it elsewhere and "
            "give its path"
        ) from error


def _unpacks(path: Path) -> bool:
    """Return whether a file is an archive that says to hold more than its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return False  # an old checkpoint, or a damaged one, of which torch.load complains
    return unpacked > path.stat().st_size


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Save checkpoints that hold nothing but tensors, numbers and strings.

    mmengine pickles its log history into every checkpoint, which ``torch.load(weights_only=True)``
    refuses. This hook turns the history into tensors on saving and back on loading, and refuses
    to load weights that do not fit the model. The config that mmengine saves as Python is not
    looked at: a resumed run would execute it.
    """

    priority = "VERY_LOW"  # the last to touch what is saved

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Replace the log history by tensors."""
        hub = checkpoint["message_hub"]
        hub["log_scalars"] = {
            key: [torch.as_tensor(column) for column in buffer.data]
            for key, buffer in hub["log_scalars"].items()
        }
        hub["runtime_info"] = {
            key: value for key, value in hub["runtime_info"].items() if _is_plain(value)
        }
        hub["resumed_keys"] = dict(hub["resumed_keys"])
        # mmengine takes the training dataset's metainfo, in which photos have their whole index
        meta = checkpoint.get("meta", {})
        if "dataset_meta" in meta:
            meta["dataset_meta"] = {k: v for k, v in meta["dataset_meta"].items() if _is_plain(v)}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Rebuild the log history and check the weights against the model.

        Raises:
            CheckpointError: If they do not fit, or a training cannot go on from them.
        """
        checkpoint.get("meta", {}).pop("config", None)
        if runner.cfg.get("resume") and "optimizer" not in checkpoint:
            raise CheckpointError(
                f"{runner.cfg.get('load_from')} holds weights and no state of the optimiser, as "
                "best models and converted weights do: --resume needs a checkpoint of an epoch"
            )
        history = checkpoint.get("message_hub", {}).get("log_scalars", {})
        for key, columns in history.items():
            if isinstance(columns, list):
                history[key] = HistoryBuffer(*(column.numpy() for column in columns))
        model = runner.model
        if not isinstance(model, FullyShardedDataParallel):  # which alone knows all of its weights
            model = getattr(model, "module", model)
        # Describing images takes no losses, miner or queue: only a resumed training needs them.
        ignored = () if runner.cfg.get("resume") else TRAINING_ONLY
        faults = [weights_fault(model, checkpoint.get("state_dict", checkpoint), ignored)]
        broadcast_object_list(faults)  # of sharded weights only the first process is told all
        if faults[0] is not None:
            raise CheckpointError(faults[0])


def check_weights_fit(
    model: torch.nn.Module, state_dict: dict[str, Any], ignored: tuple[str, ...] = ()
) -> None:
    """Refuse weights of another model; arguments as for :func:`weights_fault`.

    Raises:
        CheckpointError: If they do not fit.
    """
    if (fault := weights_fault(model, state_dict, ignored)) is not None:
        raise CheckpointError(fault)


def weights_fault(
    model: torch.nn.Module, state_dict: dict[str, Any], ignored: tuple[str, ...] = ()
) -> str | None:
    """Return why weights are those of another model, None if they fit.

    Args:
        model: The model that will receive the weights.
        state_dict: Tensors by parameter name.
        ignored: Beginnings of names that need not fit.

    Returns:
        How many names are missing or unexpected, or shapes differ, with the first.
    """
    expected = {k: v for k, v in model.state_dict().items() if not k.startswith(ignored)}
    found = {name.removeprefix("module."): value for name, value in state_dict.items()}
    found = {name: value for name, value in found.items() if not name.startswith(ignored)}
    growing = {
        f"{name.replace('_fsdp_wrapped_module.', '')}.{buffer}"
        for name, module in model.named_modules()
        if isinstance(module, GrowingBuffers)
        for buffer in module.growing_buffers
    }
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is unexpected" for name in sorted(set(found) - set(expected))]
    for name in [name for name in expected if name in found and name not in growing]:
        shape = tuple(getattr(found[name], "shape", ()))
        if expected[name].shape != shape:
            problems.append(f"{name} has shape {shape}, the model {tuple(expected[name].shape)}")
    if not problems:
        return None
    more = f" (and {len(problems) - 1} more differences)" if len(problems) > 1 else ""
    return f"the checkpoint is of another model than the config: {problems[0]}{more}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)
