"""Checkpoints that load without running code from them."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from geoloc.errors import CheckpointError
from geoloc.models.growing_buffers import GrowingBuffers
from geoloc.registry import HOOKS

TRUST_VARIABLE = "GEOLOC_TRUST_CHECKPOINTS"
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
        CheckpointError: If the file is missing, damaged, or holds pickled objects. The last is
            allowed only where the environment says ``GEOLOC_TRUST_CHECKPOINTS=1``.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise CheckpointError(f"checkpoint {filename} does not exist")
    trusted = os.environ.get(TRUST_VARIABLE) == "1"
    try:
        content: dict[str, Any] = torch.load(
            path, map_location=map_location, weights_only=not trusted
        )
    except pickle.UnpicklingError as error:
        reason = str(error).partition("WeightsUnpickler error: ")[2].partition(". Please")[0]
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
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise CheckpointError(f"checkpoint {filename} cannot be read: {first_line}") from error
    return content


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Save checkpoints that hold nothing but tensors, numbers and strings.

    mmengine pickles its log history into every checkpoint, which ``torch.load(weights_only=True)``
    refuses. This hook turns the history into tensors on saving and back on loading, and refuses
    to load weights that do not fit the model.
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
        """Rebuild the log history and check the weights against the model."""
        history = checkpoint.get("message_hub", {}).get("log_scalars", {})
        for key, columns in history.items():
            if isinstance(columns, list):
                history[key] = HistoryBuffer(*(column.numpy() for column in columns))
        model = getattr(runner.model, "module", runner.model)
        # Describing images takes no losses, miner or queue: only a resumed training needs them.
        ignored = () if runner.cfg.get("resume") else TRAINING_ONLY
        check_weights_fit(model, checkpoint.get("state_dict", checkpoint), ignored)


def check_weights_fit(
    model: torch.nn.Module, state_dict: dict[str, Any], ignored: tuple[str, ...] = ()
) -> None:
    """Refuse weights of another model.

    Args:
        model: The model that will receive the weights.
        state_dict: Tensors by parameter name.
        ignored: Beginnings of names that need not fit.

    Raises:
        CheckpointError: If a name is missing or unexpected, or a shape differs; the message counts
            them and names the first.
    """
    expected = {k: v for k, v in model.state_dict().items() if not k.startswith(ignored)}
    found = {name.removeprefix("module."): value for name, value in state_dict.items()}
    found = {name: value for name, value in found.items() if not name.startswith(ignored)}
    growing = {
        f"{name}.{buffer}"
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
    if problems:
        raise CheckpointError(
            f"the checkpoint is of another model than the config: {problems[0]}"
            + (f" (and {len(problems) - 1} more differences)" if len(problems) > 1 else "")
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)
