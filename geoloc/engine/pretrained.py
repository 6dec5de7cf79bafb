"""Start weights from a file of torchvision, timm, mmpretrain, DyCL, HAPPIER or geoloc."""

import logging

from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from geoloc.engine.checkpoint import TRAINING_ONLY
from geoloc.engine.weight_conversion import fit_names, weights_in
from geoloc.errors import CheckpointError
from geoloc.registry import WEIGHT_INITIALIZERS

# A plain ViT has no place for them, and without them the others do not mean the same.
REGISTER_TOKENS = {"register_tokens", "reg_token"}


@WEIGHT_INITIALIZERS.register_module(name="Pretrained")
class PretrainedInit:
    """Initialise a backbone or a whole retriever from a file: ``init_cfg=dict(type="Pretrained")``.

    Takes the place of mmengine's initialiser of this name inside geoloc: it renames the tensors of
    other projects, and refuses a file that leaves part of the model at random. Losses always start
    afresh. What was loaded, and what in the file was not used, is one line of the log.

    Args:
        checkpoint: Local path, URL, or ``torchvision://resnet50``.
        prefix: Take only the tensors under this prefix, e.g. ``backbone.drone``.
        map_location: As in ``torch.load``.
        allow_missing: Leave what the file lacks as it is, with a warning.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str = "cpu",
        allow_missing: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.map_location = map_location
        self.allow_missing = allow_missing

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module``.

        Raises:
            CheckpointError: If the file cannot be read or does not fit.
        """
        content = CheckpointLoader.load_checkpoint(self.checkpoint, self.map_location)
        weights = weights_in(content, self.checkpoint)
        if self.prefix is not None:
            weights = _below(self.prefix.rstrip(".") + ".", weights, self.checkpoint)
        report, missing = load_weights(module, weights, self.checkpoint, self.allow_missing)
        print_log(report, "current", logging.WARNING if missing else logging.INFO)
        if hasattr(module, "_params_init_info"):
            update_init_info(module, init_info=f"Pretrained: {self.checkpoint}")


def load_weights(
    module: nn.Module, weights: dict[str, Tensor], source: str, allow_missing: bool = False
) -> tuple[str, list[str]]:
    """Load tensors into a model under whichever known naming fits.

    Args:
        module: A backbone or retriever.
        weights: Tensors by name, see :func:`geoloc.engine.weight_conversion.weights_in`.
        source: Name of the file, for the report.
        allow_missing: Accept a model that is filled only in part.

    Returns:
        A sentence on what was loaded, and the names that the file lacks.

    Raises:
        CheckpointError: If nothing fits, a shape differs, or a tensor is missing.
    """
    kind = type(module).__name__
    expected = {name for name in module.state_dict() if not name.startswith(TRAINING_ONLY)}
    fitting = {k: v for k, v in fit_names(weights, expected).items() if k in expected}
    if not fitting:
        raise CheckpointError(
            f"nothing in {source} fits {kind}: the file has {_listed([*weights])}, the model "
            f"{_listed(sorted(expected))}"
        )
    used = {id(tensor) for tensor in fitting.values()}
    unused = [name for name, tensor in weights.items() if id(tensor) not in used]
    if registers := REGISTER_TOKENS.intersection(unused):
        raise CheckpointError(
            f"{source} has {registers.pop()}, which {kind} lacks; use TimmBackbone with the model "
            "of the same name"
        )
    missing = _load(module, fitting, source)
    if missing and not allow_missing:
        raise CheckpointError(
            f"{source} does not fill {kind}: {_listed(missing)} missing; take a file of the same "
            "architecture, or leave these at random with init_cfg.allow_missing=True"
        )
    report = f"{source}: {len(fitting)} tensors loaded into {kind}"
    report += f"; missing, left as they were: {_listed(missing)}" if missing else ""
    report += f"; in the file, but not used: {_listed(unused)}" if unused else ""
    return report, missing


def _load(module: nn.Module, weights: dict[str, Tensor], source: str) -> list[str]:
    """Copy the tensors into ``module`` and return the names that still lack one."""
    try:
        result = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise CheckpointError(
            f"{source} is of another size than {type(module).__name__}: {reason}"
        ) from error
    return [
        name
        for name in result.missing_keys
        if not name.startswith(TRAINING_ONLY) and not name.endswith("num_batches_tracked")
    ]


def _below(prefix: str, weights: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    found = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    if not found:
        raise CheckpointError(
            f"{source} has no tensor under prefix={prefix!r}; it has {_listed([*weights])}"
        )
    return found


def _listed(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
