"""The model that turns the images of several views into comparable descriptors."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.error import URLError

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel, ModuleDict
from mmengine.registry import DefaultScope, Registry
from torch import Tensor, nn

from geoloc.datasets.place_levels import Images, PlaceLevels
from geoloc.errors import CheckpointError, ConfigError
from geoloc.models.batch_norm import unrecorded_batch_norm
from geoloc.models.chunked_pass import in_chunks
from geoloc.models.gather import gather_rows
from geoloc.models.loss_levels import check_levels
from geoloc.models.miners.miner import GlobalBatch, Miner
from geoloc.models.named_losses import (
    BatchLevels,
    build_losses,
    class_loss,
    is_pair_loss,
    pair_loss,
    set_similarity,
)
from geoloc.models.random_stream import random_stream
from geoloc.registry import BACKBONES, HEADS, MINERS, MODELS, NECKS, SIMILARITIES

PARTS = {"backbone": BACKBONES, "neck": NECKS, "head": HEADS}


@MODELS.register_module()
class CrossViewRetriever(BaseModel):
    """Describe images by backbone -> neck -> head, with one branch per view.

    Args:
        backbone: Config of a ``BACKBONES`` entry: images ``[n, 3, H, W]`` to feature maps. Like
            that of every part that is not shared, it may be one config per view instead,
            ``{view: config}``.
        neck: Config of a ``NECKS`` entry: feature maps to pooled features.
        head: Config of a ``HEADS`` entry: pooled features to embeddings, which class losses take;
            its ``descriptor`` turns them into L2-normalised descriptors ``[n, D]``. Without that
            method the embeddings are the descriptors.
        losses: Config per name; each is a ``LOSSES`` entry plus an optional ``weight`` (default
            1). The name appears in the log as ``loss_<name>``.
        similarity: Config of a ``SIMILARITIES`` entry, by which all pair losses and the miner
            compare descriptors instead of by their own; the evaluator then needs the same.
        miner: Config of a ``MINERS`` entry plus an optional ``weight`` (default 1): a term from
            images outside the batch, ``loss_miner`` in the log.
        views: The views that form a pair; with one view, pair losses compare its images with each
            other.
        shared: Which of ``backbone``, ``neck``, ``head`` all views share; any other part exists
            once per view. All shared is a siamese network, none shared two separate networks.
        flip_test: Describe a test image by the sum of its own embedding and its mirror image's.
            ``'sues200'`` repeats the official code of SUES-200 (known): the image's own embedding
            is normalised before the sum, its mirror image's is not.
        channels_last: Keep images and weights in NHWC memory order, which is faster with
            reduced-precision convolutions on CPUs and GPUs.
        chunk_size: Train on so many images of a view at a time, in the memory of so many, with the
            gradient of the whole batch, see :func:`geoloc.models.chunked_pass.in_chunks`; None
            takes all at once. BatchNorm in training normalises by the statistics of a chunk.
        data_preprocessor: Config of the preprocessor. Defaults to ``ViewPreprocessor``.
        init_cfg: Initialisation config of mmengine's ``BaseModule``.

    Raises:
        ConfigError: If ``shared``, a loss config or ``data_preprocessor.augment`` names something
            that does not exist, a part lacks the config of a view, a loss or the miner cannot use
            the similarity, or ``chunk_size`` is not positive.
    """

    place_levels: PlaceLevels | None
    miner: Miner | None

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        head: dict[str, Any],
        losses: Mapping[str, Mapping[str, Any]] | None = None,
        similarity: Mapping[str, Any] | None = None,
        miner: Mapping[str, Any] | None = None,
        views: Sequence[str] = ("drone", "satellite"),
        shared: Sequence[str] = ("backbone", "neck", "head"),
        flip_test: bool | str = False,
        channels_last: bool = False,
        chunk_size: int | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(MODELS.build(data_preprocessor or {"type": "ViewPreprocessor"}), init_cfg)
        if unknown := set(shared) - set(PARTS):
            raise ConfigError(f"model.shared: {sorted(unknown)} not among {list(PARTS)}")
        self.views = tuple(views)
        if unknown := set(getattr(self.data_preprocessor, "augment", ())) - set(self.views):
            raise ConfigError(
                f"model.data_preprocessor.augment: {sorted(unknown)} not among the views "
                f"{list(self.views)}"
            )
        self._init_keys = _init_keys(backbone, self.views)
        for part, cfg in zip(PARTS, (backbone, neck, head), strict=True):
            self.add_module(part, self._build_part(part, cfg, part in shared))
        self.loss_weights, self.losses = build_losses(losses or {}, len(self.views))
        self.miner_weight, self.miner = _build_miner(miner, self.views)
        if similarity is not None:
            built = SIMILARITIES.build(dict(similarity))
            set_similarity(self.losses, built)
            if self.miner is not None:
                self.miner.set_similarity(built)
        self.place_levels = None
        if flip_test not in (False, True, "sues200"):
            raise ConfigError(f"model.flip_test={flip_test!r} must be True, False or 'sues200'")
        self.flip_test = flip_test
        if chunk_size is not None and chunk_size < 1:
            raise ConfigError(
                f"model.chunk_size={chunk_size} must be at least 1, or None for the whole batch"
            )
        self.chunk_size = chunk_size
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        if channels_last:
            self.to(memory_format=torch.channels_last)

    def _build_part(self, part: str, cfg: dict[str, Any], is_shared: bool) -> nn.Module:
        per_view = _is_per_view(cfg, self.views)
        if is_shared:
            if per_view:
                raise ConfigError(f"model.{part} differs by view, so model.shared must not name it")
            module: nn.Module = _build(part, PARTS[part], cfg)
            return module
        if per_view and (missing := set(self.views) - cfg.keys()):
            raise ConfigError(f"model.{part} has no config of {', '.join(sorted(missing))}")
        # mmengine's, because torch's would keep init_weights from the parts
        views: nn.Module = ModuleDict(
            {
                view: _build(f"{part}.{view}", PARTS[part], cfg[view] if per_view else cfg)
                for view in self.views
            }
        )
        return views

    def init_weights(self) -> None:
        """Initialise all parts; pretrained weights named in their ``init_cfg`` are loaded.

        Raises:
            CheckpointError: If pretrained weights cannot be fetched, or do not fit.
        """
        try:
            with DefaultScope.overwrite_default_scope("geoloc"):  # its initialisers, not mmengine's
                super().init_weights()
        except (URLError, FileNotFoundError, CheckpointError) as error:
            keys = self._init_keys
            files, none = (
                " ".join(f"{key}{value}" for key in keys) for value in (".checkpoint=PATH", "=None")
            )
            raise CheckpointError(
                f"pretrained weights of {' and '.join(keys)} could not be loaded ({error}); name a "
                f"local file with --cfg-options {files}, or start from random weights with "
                f"--cfg-options {none}"
            ) from error

    def set_place_levels(self, levels: PlaceLevels) -> None:
        """Store the relevance levels between training places on the model's device.

        Args:
            levels: Called with place labels ``rows [n]`` and ``columns [m]`` it returns the levels
                ``[n, m]``. Losses that need more than their batch's get it too.

        Raises:
            ConfigError: If a class loss was built for another number of places, a loss has no
                positives, or takes excluded pairs for positives or negatives.
        """
        for name, loss in self.losses.items():
            check_levels(f"model.losses.{name}", loss, levels)
            if getattr(loss, "num_places", len(levels)) != len(levels):
                raise ConfigError(
                    f"model.losses.{name}.num_places={loss.num_places}, but the training split "
                    f"has {len(levels)} places; set num_places={len(levels)}"
                )
            if callable(receive := getattr(loss, "set_place_levels", None)):
                receive(levels)
        if isinstance(of_miner := getattr(self.miner, "loss", None), nn.Module):
            check_levels("model.miner.loss", of_miner, levels)
        self.place_levels = levels.to(next(self.parameters()).device)

    def forward(
        self,
        inputs: dict[str, Tensor],
        places: dict[str, Tensor],
        rows: dict[str, Tensor],
        mode: str = "tensor",
    ) -> Any:
        """Describe a batch, or compute its losses.

        Args:
            inputs: Normalised images, float ``{view: [n, 3, H, W]}``.
            places: Place labels, int64 ``{view: [n]}``.
            rows: Row of each image in the dataset's index, int64 ``{view: [n]}``.
            mode: ``loss`` for a dict of scalar losses, ``predict`` for a list of ``{rows,
                descriptors}`` (one entry per view), ``tensor`` for ``{view: descriptors}``.
        """
        if mode == "loss":
            embeddings = {view: self.embed(inputs[view], view) for view in self.views}
            return self.loss(embeddings, places, rows)
        descriptors = {view: self.describe(images, view) for view, images in inputs.items()}
        if mode == "predict":
            return [
                {"rows": rows[view], "descriptors": values} for view, values in descriptors.items()
            ]
        return descriptors

    def describe(self, images: Tensor, view: str) -> Tensor:
        """Return the L2-normalised float32 descriptors ``[n, D]`` of one view's images.

        Args:
            images: Normalised images, float ``[n, 3, H, W]``.
            view: The view they show, which selects the branch.
        """
        embedding = self.embed(images, view)
        if self.flip_test and not self.training:
            if self.flip_test == "sues200":
                embedding = F.normalize(embedding)
            embedding = embedding + self.embed(images.flip(-1), view)
        return self.descriptor(embedding, view)

    def embed(self, images: Tensor, view: str) -> Tensor:
        """Return the head's embeddings ``[n, ...]`` of one view's images, arguments as above."""
        if self.chunk_size is None or not self.training:
            return self._embed_at_once(images, view)
        return in_chunks(partial(self._embed_at_once, view=view), images, self.chunk_size, self)

    def _embed_at_once(self, images: Tensor, view: str) -> Tensor:
        features = images.contiguous(memory_format=self.memory_format)
        for part in PARTS:
            features = self._part(part, view)(features)
            if isinstance(features, tuple):  # mmpretrain's parts return one entry per stage
                features = features[-1]
        return features

    def descriptor(self, embedding: Tensor, view: str) -> Tensor:
        """Return the L2-normalised descriptors ``[n, D]`` of embeddings ``[n, ...]``."""
        head = self._part("head", view)
        return head.descriptor(embedding) if hasattr(head, "descriptor") else embedding

    def _part(self, part: str, view: str) -> Any:
        module = getattr(self, part)
        return module[view] if isinstance(module, nn.ModuleDict) else module

    def loss(
        self,
        embeddings: dict[str, Tensor],
        places: dict[str, Tensor],
        rows: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return every configured loss of the global batch, weighted, as ``{loss_<name>: scalar}``.

        A pair loss is the mean over both directions of every pair of views, a class loss the mean
        over the views.

        Args:
            embeddings: float ``{view: [n, ...]}``; row i of every view shows the same place.
            places: int64 ``{view: [n]}`` place labels.
            rows: int64 ``{view: [n]}`` rows in the dataset's index, which a miner needs, and levels
                that exclude semi-positives.
        """
        if self.place_levels is None:
            raise RuntimeError("the losses need levels: call set_place_levels before training")
        batch = {view: gather_rows(part) for view, part in embeddings.items()}
        descriptors = {view: self.descriptor(part, view) for view, part in batch.items()}
        labels = gather_rows(places[self.views[0]])
        every_row = rows and {view: gather_rows(rows[view]) for view in self.views}
        samples = Images(labels, torch.stack([*every_row.values()], dim=1) if every_row else None)
        levels = BatchLevels(self.place_levels, samples)
        losses = {
            f"loss_{name}": self.loss_weights[name]
            * (
                pair_loss(loss, list(descriptors.values()), levels, labels)
                if is_pair_loss(loss)
                else class_loss(loss, list(batch.values()), labels)
            )
            for name, loss in self.losses.items()
        }
        if self.miner is not None:
            if not every_row:
                raise RuntimeError("a miner needs the rows of the batch in the dataset's index")
            mined = GlobalBatch(descriptors, labels, every_row, self.place_levels)
            losses["loss_miner"] = self.miner_weight * self.miner(mined, self.describe_reloaded)
        return losses

    def describe_reloaded(self, images: Tensor, view: str) -> Tensor:
        """Return the descriptors ``[n, D]`` of images that a miner loaded, with gradient.

        They are augmented like the batch. BatchNorm works as for the batch, but records no running
        statistics of these images.

        Args:
            images: uint8 ``[n, 3, H, W]``, as the dataset loads them.
            view: The view they show, which selects the branch.
        """
        inputs = self.data_preprocessor({"inputs": {view: images}}, training=True)["inputs"]
        with unrecorded_batch_norm(self):
            return self.describe(inputs[view], view)


def _is_per_view(config: Mapping[str, Any], views: Sequence[str]) -> bool:
    """Return whether a part has a config per view."""
    return bool(config) and config.keys() <= set(views)


def _init_keys(backbone: Mapping[str, Any], views: Sequence[str]) -> list[str]:
    """Return the config keys of the weights that the backbones start from."""
    if not _is_per_view(backbone, views):
        return ["model.backbone.init_cfg"]
    return [
        f"model.backbone.{view}.init_cfg" for view in views if "init_cfg" in backbone.get(view, {})
    ]


def _build(name: str, registry: Registry, cfg: dict[str, Any]) -> Any:
    with random_stream(name):
        return registry.build(cfg)


def _build_miner(
    config: Mapping[str, Any] | None, views: Sequence[str]
) -> tuple[float, Miner | None]:
    if config is None:
        return 0.0, None
    arguments = {**config, "views": views}
    weight = float(arguments.pop("weight", 1.0))
    return weight, _build("miner", MINERS, arguments)
