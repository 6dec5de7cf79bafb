"""GeoCLIP: photos and positions on Earth in one space."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope, Registry
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.gather import gather_rows, own_rows
from geoloc.models.gps_contrast import Contrast, plain_infonce
from geoloc.models.gps_gallery import GpsGallery, Located
from geoloc.models.gps_noise import GpsNoise
from geoloc.models.gps_queue import GpsQueue, Queued
from geoloc.models.losses.precision import full_precision
from geoloc.models.random_stream import random_stream
from geoloc.registry import BACKBONES, GALLERIES, HEADS, LOCATION_ENCODERS, LOSSES, MODELS, NECKS


@MODELS.register_module()
class GeoCLIP(BaseModel):
    """Match a photo's embedding with that of the position where it was taken.

    (Vivanco Cepeda et al., NeurIPS 2023, arXiv 2309.16020; loss, queue and step order known from
    the official code.) A photo goes through backbone -> neck -> head, a position through the
    location encoder. The loss is the cross-entropy of finding a photo's position among those of
    the global batch and of the queue.

    Args:
        backbone: Config of a ``BACKBONES`` entry: images ``[n, 3, H, W]``, or cached features
            ``[n, I]``, to features.
        head: Config of a ``HEADS`` entry: features ``[n, I]`` to embeddings ``[n, D]``.
        location_encoder: Config of a ``LOCATION_ENCODERS`` entry: degrees ``[m, 2]`` to embeddings
            ``[m, D]``.
        neck: Config of a ``NECKS`` entry, where the backbone returns maps.
        frozen_backbone: Train only what comes after backbone and neck, as officially (known).
        queue: Config of a ``GpsQueue``; None for the batch's negatives alone.
        noise: Config of a ``GpsNoise``; None for none, as in the official training code (known).
        temperature: Start value of the learned temperature; 0.07 officially (known).
        max_scale: Upper limit of the learned scale, 1 / temperature: 100 for CLIP, None for none,
            as officially (known).
        loss: Config of a ``LOSSES`` entry with the method ``from_logits`` of
            :class:`geoloc.models.gps_contrast.Contrast`; None is plain cross-entropy.
        symmetric: Average with the loss of finding each position's photo in the batch.
        gallery: Config of a ``GALLERIES`` entry, the positions for ``mode='predict'``.
        top_k: Positions per photo in ``mode='predict'``.
        data_preprocessor: Config of the preprocessor. Defaults to ``PhotoPreprocessor``.
        init_cfg: Initialisation config of mmengine's ``BaseModule``.

    Raises:
        ConfigError: If the embeddings differ in length, the temperature is not positive, or the
            loss has no ``from_logits``.
    """

    queue: GpsQueue | None
    noise: GpsNoise | None

    def __init__(
        self,
        backbone: dict[str, Any],
        head: dict[str, Any],
        location_encoder: dict[str, Any],
        neck: dict[str, Any] | None = None,
        frozen_backbone: bool = True,
        queue: dict[str, Any] | None = None,
        noise: dict[str, Any] | None = None,
        temperature: float = 0.07,
        max_scale: float | None = None,
        loss: dict[str, Any] | None = None,
        symmetric: bool = False,
        gallery: dict[str, Any] | None = None,
        top_k: int = 5,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(MODELS.build(data_preprocessor or {"type": "PhotoPreprocessor"}), init_cfg)
        self.backbone = _build("backbone", BACKBONES, backbone)
        self.neck = nn.Identity() if neck is None else _build("neck", NECKS, neck)
        self.head = _build("head", HEADS, head)
        self.location_encoder = _build("location_encoder", LOCATION_ENCODERS, location_encoder)
        _check_lengths(self.head, self.location_encoder)
        self.frozen_backbone = frozen_backbone
        if frozen_backbone:
            self.backbone.requires_grad_(False)
            self.neck.requires_grad_(False)
        if temperature <= 0 or (max_scale is not None and max_scale * temperature < 1):
            raise ConfigError(
                f"model.temperature={temperature} must be positive, and its inverse at most "
                f"max_scale={max_scale}"
            )
        self.logit_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.max_scale = max_scale
        self.queue = None if queue is None else MODELS.build(queue)
        self.noise = None if noise is None else MODELS.build(noise)
        # under the name by which hooks find a retriever's losses
        self.losses = nn.ModuleDict({} if loss is None else {"contrastive": _build_loss(loss)})
        self.symmetric = symmetric
        self.gallery: GpsGallery | None = None if gallery is None else GALLERIES.build(gallery)
        self.top_k = top_k

    def init_weights(self) -> None:
        """Initialise all parts; pretrained weights named in their ``init_cfg`` are loaded.

        Raises:
            CheckpointError: If pretrained weights cannot be read or do not fit.
        """
        with DefaultScope.overwrite_default_scope("geoloc"):  # its initialisers, not mmengine's
            super().init_weights()

    def train(self, mode: bool = True) -> "GeoCLIP":
        """Switch the mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen_backbone:
            self.backbone.eval()
            self.neck.eval()
        return self

    def forward(
        self,
        inputs: Tensor,
        coordinates: Tensor | None = None,
        rows: Tensor | None = None,
        mode: str = "tensor",
    ) -> Any:
        """Embed a batch of photos, locate them, or compute the loss.

        Args:
            inputs: Normalised images, float ``[n, 3, H, W]``, or features ``[n, I]``.
            coordinates: (lat, lon) ``[n, 2]`` in degrees, for the loss.
            rows: Row of each photo in the dataset's index, int64 ``[n]``, for the prediction.
            mode: ``loss`` for a dict of scalars, ``predict`` for a list with one dict of ``rows``,
                ``coordinates`` and ``probabilities`` (see ``Located``), ``tensor`` for normalised
                embeddings ``[n, D]``.

        Raises:
            ConfigError: If a prediction lacks a gallery.
        """
        if mode == "loss":
            assert coordinates is not None
            return self.loss(inputs, coordinates)
        embedding = self.embed(self.features(inputs))
        if mode == "predict":
            return [{"rows": rows, **self.locate(embedding)._asdict()}]
        return embedding

    def features(self, inputs: Tensor) -> Tensor:
        """Return the features ``[n, I]`` of images, without gradient if the backbone is frozen.

        Raises:
            ConfigError: If they are maps.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen_backbone):
            features = inputs
            for part in (self.backbone, self.neck):
                features = part(features)
                if isinstance(features, tuple):  # mmpretrain's parts return one entry per stage
                    features = features[-1]
        if features.ndim != 2:
            raise ConfigError(
                f"model.backbone returns features of shape {list(features.shape)}; set "
                "model.neck=dict(type='mmpretrain.GlobalAveragePooling') for one vector per image"
            )
        return features

    def embed(self, features: Tensor) -> Tensor:
        """Return the normalised float32 embeddings ``[n, D]`` of features ``[n, I]``."""
        return _normalized(self.head(features))

    def locate(self, embedding: Tensor) -> Located:
        """Return the ``top_k`` most probable positions of the gallery for embeddings ``[n, D]``.

        The gallery is encoded once for given weights.

        Raises:
            ConfigError: If there is no gallery, or it has less than ``top_k`` positions.
        """
        if self.gallery is None:
            raise ConfigError(
                "model.gallery is None, but a prediction looks for positions in a gallery; set "
                "model.gallery=dict(type='FibonacciGallery') or another of the GALLERIES"
            )
        scale = float(self.scale().detach())
        return self.gallery.locate(embedding, self.location_encoder, scale, self.top_k)

    def scale(self) -> Tensor:
        """Return the factor on the cosines, the inverse temperature."""
        if self.max_scale is not None:
            with torch.no_grad():  # on the value, so that the gradient can lead back below it
                self.logit_scale.clamp_(max=math.log(self.max_scale))
        return self.logit_scale.exp()

    def loss(self, inputs: Tensor, coordinates: Tensor) -> dict[str, Tensor]:
        """Return the loss of the global batch, and enqueue its positions.

        Args:
            inputs: As in ``forward``.
            coordinates: (lat, lon) ``[n, 2]`` in degrees.

        Returns:
            ``loss_contrastive``, and the current ``scale`` for the log.
        """
        features = self.features(inputs)
        images = _normalized(gather_rows(self.head(features)))
        latlon = gather_rows(coordinates.double())
        known = gather_rows(features.detach().float()) if self.losses else None
        queued = self._next(latlon, known)
        scale = self.scale()
        with full_precision(images, scale) as (images, scale):
            logits = scale * images @ self._locations(latlon, queued.latlon).T
        contrast = Contrast.of(logits, latlon, queued, known)
        losses = [self._criterion(contrast)]
        if self.symmetric:
            losses.append(self._criterion(contrast.of_positions()))
        return {"loss_contrastive": torch.stack(losses).mean(), "scale": scale.detach()}

    def _criterion(self, contrast: Contrast) -> Tensor:
        if not self.losses:
            return plain_infonce(contrast.logits, contrast.positives)
        criterion: Any = self.losses["contrastive"]
        loss: Tensor = criterion.from_logits(**contrast._asdict())
        return loss

    def _next(self, latlon: Tensor, features: Tensor | None) -> Queued:
        """Return what the queue held before it takes the global batch."""
        if self.queue is None:
            return Queued.none(latlon)
        queued = self.queue.contents()
        self.queue.enqueue(latlon, features)
        return queued

    def _locations(self, batch: Tensor, queue: Tensor) -> Tensor:
        """Return the normalised embeddings ``[B + Q, D]`` of the candidates, with noise.

        Every process encodes its share.
        """
        if self.noise is not None:
            batch, queue = self.noise(batch, queue)
        candidates = torch.cat([batch, queue])
        return _normalized(gather_rows(self.location_encoder(own_rows(candidates))))


def _build(name: str, registry: Registry, cfg: dict[str, Any]) -> Any:
    with random_stream(name):
        return registry.build(cfg)


def _build_loss(cfg: Mapping[str, Any]) -> nn.Module:
    loss: nn.Module = _build("losses.contrastive", LOSSES, dict(cfg))
    if not callable(getattr(loss, "from_logits", None)):
        raise ConfigError(
            f"model.loss: {type(loss).__name__} has no method from_logits, which GeoCLIP calls; "
            "use SemivariogramInfoNCELoss, or loss=None for plain cross-entropy"
        )
    return loss


def _check_lengths(head: nn.Module, encoder: nn.Module) -> None:
    lengths = [getattr(part, "embed_dims", None) for part in (head, encoder)]
    if None not in lengths and lengths[0] != lengths[1]:
        raise ConfigError(
            f"model.head.embed_dims={lengths[0]} differs from "
            f"model.location_encoder.embed_dims={lengths[1]}; set both to one length"
        )


def _normalized(embedding: Tensor) -> Tensor:
    with full_precision(embedding) as (embedding,):
        return F.normalize(embedding, dim=1)
