"""Registries: every part of geoloc is built by name from a config.

Two kinds live here.

* Registries that mmengine's Runner looks up (``MODELS``, ``DATASETS``, ``HOOKS`` ...) are children
  of mmengine's own, with scope ``geoloc``.
* Role registries (``BACKBONES``, ``NECKS``, ``HEADS``, ``LOSSES``, ``SIMILARITIES``, ``MINERS``,
  ``RERANKERS``, ``INDEXES``, ``LOCATION_ENCODERS``, ``GALLERIES``) stand alone, because mmengine
  allows one child per scope under a parent. Each lists only its own plugins; a ``type`` with a
  foreign scope (``mmpretrain.ResNet``) is borrowed from that package.

Plugins outside this package register with the same decorators, named in a config's
``custom_imports`` or installed with the entry-point group ``geoloc.plugins``.
"""

import difflib
import importlib
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Any

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

from geoloc.errors import UnknownTypeError

SCOPE = "geoloc"
PLUGIN_GROUP = "geoloc.plugins"
RUNNER_PARTS = "geoloc.engine.runner_parts"
# Options in which mmengine and mmpretrain look up a part, when they are text.
NAME_KEYS = (
    *("ema_type", "norm_layer", "conv_type"),
    *("auto_wrap_policy", "param_init_fn", "check_fn"),
)
# Parts of mmpretrain that unpickle a file that an option names, or evaluate an option (dtype).
RUNNING_OPTIONS = {"VQAGenerationHead", "OFA", "RAM", "RAMNormal", "RAMOpenset"}
EVALUATING = "torchvision/"


class PluginRegistry(Registry):
    """An mmengine registry that loads installed plugins and explains a misspelt name."""

    def import_from_location(self) -> None:
        """Import the built-in modules of this registry, then the installed plugins, once."""
        if not self._imported:
            super().import_from_location()
            load_plugins()

    def get(self, key: str) -> Any:
        """Return the class registered as ``key``.

        Args:
            key: Registered name, or ``scope.name`` for another package's.

        Raises:
            UnknownTypeError: If no such name exists; the message lists close matches.
        """
        try:
            found = super().get(key)
        except (RuntimeError, TypeError, ValueError):  # mmengine's answers to names of no class
            found = None
        if found is None:
            raise UnknownTypeError(self._unknown(key))
        return found

    def __contains__(self, key: object) -> bool:
        try:
            return isinstance(key, str) and self.get(key) is not None
        except UnknownTypeError:
            return False

    def _unknown(self, key: str) -> str:
        matches = close_matches(key, self.known_names())
        hint = f"did you mean {' or '.join(matches)}?" if matches else f"known: {self._summary()}."
        return f"type={key!r} is not in the {self.name} registry: {hint}"

    def known_names(self) -> Iterable[str]:
        """Yield every name that builds here: this registry's own, then those it inherits."""
        self.import_from_location()
        yield from self._module_dict
        ancestor = self.parent
        while ancestor is not None:
            yield from ancestor.module_dict
            ancestor = ancestor.parent

    def _summary(self) -> str:
        return ", ".join(sorted(self._module_dict)) or "nothing yet"


class RoleRegistry(PluginRegistry):
    """A parentless registry for one role that borrows other packages' classes."""

    def __init__(self, name: str, locations: list[str]) -> None:
        super().__init__(name, build_func=_build_or_borrow, scope=SCOPE, locations=locations)

    def get(self, key: str) -> Any:
        """Return the class registered as ``key``, or another package's for ``scope.name``.

        Raises:
            UnknownTypeError: If no such name exists; the message lists close matches.
        """
        scope, _ = self.split_scope_key(key)
        if scope is None or scope == SCOPE:
            return super().get(key)
        try:
            return MODELS.get(key)
        except UnknownTypeError:
            raise UnknownTypeError(self._unknown(key)) from None

    def known_names(self) -> Iterable[str]:
        """Yield this registry's names, then those that mmpretrain lends (``mmpretrain.X``)."""
        self.import_from_location()
        yield from self._module_dict
        lender = importlib.import_module("mmpretrain.registry").MODELS
        lender.import_from_location()
        yield from (f"mmpretrain.{name}" for name in lender.module_dict)


def is_registered(kind: str) -> bool:
    """Return whether ``kind`` names a model, a part of one, or a transform that was registered.

    ``Registry.get`` takes a dotted path as well and imports whatever it names. A config from
    somebody else must not do that.

    Args:
        kind: A name of geoloc, of a plugin, mmpretrain or mmengine, with its scope or without.
            Those of parts that would run what their options say count as not registered.
    """
    scope, name = Registry.split_scope_key(kind)
    if name in RUNNING_OPTIONS or name.startswith(EVALUATING):
        return False
    return any(name in registry.module_dict for registry in _lenders(scope))


def is_registered_part(kind: str) -> bool:
    """Return whether ``kind`` names any part of a run that was registered, see ``is_registered``.

    Args:
        kind: A name of geoloc, of a plugin, mmpretrain or mmengine, with its scope or without.
    """
    if is_registered(kind):
        return True
    scope, name = Registry.split_scope_key(kind)
    if scope not in (None, SCOPE, "mmengine"):
        return False
    own = [each for each in globals().values() if isinstance(each, PluginRegistry)]
    for registry in (*own, *INHERITED.values()):
        for lender in (registry, registry.parent):
            if lender is not None and scope in (None, lender.scope):
                lender.import_from_location()
                if name in lender.module_dict:
                    return True
    return False


def _lenders(scope: str | None) -> Iterator[Registry]:
    """Yield the registries of models and transforms in which a ``type`` of a scope may be."""
    lender = importlib.import_module("mmpretrain.registry")
    own = (MODELS, TRANSFORMS, BACKBONES, NECKS, HEADS, SIMILARITIES, LOCATION_ENCODERS)
    borrowed = (lender.MODELS, lender.TRANSFORMS)
    lenders: dict[str, tuple[Registry, ...]] = {
        SCOPE: own,
        "mmpretrain": (*borrowed, *(registry.parent for registry in borrowed)),
        "mmengine": tuple(registry.parent for registry in borrowed),
    }
    chosen = lenders.get(scope, ()) if scope else (*own, *lenders["mmpretrain"])
    for registry in chosen:
        registry.import_from_location()
        yield registry


def close_matches(name: str, known: Iterable[str], most: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return up to ``most`` known names that resemble ``name``, ignoring case and scope."""
    by_key: dict[str, str] = {}
    for full in known:
        by_key.setdefault(full.rpartition(".")[2].lower(), full)
    key = name.rpartition(".")[2].lower()
    found = difflib.get_close_matches(key, by_key, n=most, cutoff=cutoff)
    return [by_key[match] for match in found]


_loaded_plugins: set[str] = set()


def load_plugins() -> None:
    """Import every module installed under the entry-point group ``geoloc.plugins``, once.

    A plugin that fails to import is reported in one warning and left out: one broken third-party
    package must not stop a training that does not use it.
    """
    for entry in entry_points(group=PLUGIN_GROUP):
        if entry.value in _loaded_plugins:
            continue
        _loaded_plugins.add(entry.value)  # first, because the plugin imports this module
        try:
            entry.load()
        except Exception as error:
            warnings.warn(
                f"geoloc plugin {entry.name!r} ({entry.value}) could not be imported: {error}",
                stacklevel=2,
            )


def _build_or_borrow(
    cfg: dict[str, Any], registry: Registry, default_args: dict[str, Any] | None = None
) -> Any:
    """Build from ``registry``, or from the package that the scope of ``type`` names.

    mmengine's own build function switches to the registry *named by the default scope*, which
    would lose a parentless registry. Here the scope switches only for a borrowed class, so that
    what it builds inside (norm layers, attention) is found in its own package.
    """
    arguments = {**(default_args or {}), **cfg}
    kind = arguments.pop("type", None)
    if kind is None:
        raise UnknownTypeError(f"a {registry.name} config needs a type=, got {dict(cfg)!r}")
    if not isinstance(kind, str):
        return kind(**arguments)
    scope, _ = Registry.split_scope_key(kind)
    found = registry.get(kind)
    if scope in (None, registry.scope):
        return found(**arguments)
    with MODELS.switch_scope_and_registry(scope):
        return found(**arguments)


def _child(name: str, parent: Registry, *locations: str) -> PluginRegistry:
    return PluginRegistry(name, parent=parent, scope=SCOPE, locations=list(locations))


MODELS = _child("model", mmengine_registry.MODELS, "geoloc.models")
DATASETS = _child("dataset", mmengine_registry.DATASETS, "geoloc.datasets")
TRANSFORMS = _child("transform", mmengine_registry.TRANSFORMS, "geoloc.datasets")
SAMPLERS = _child("sampler", mmengine_registry.DATA_SAMPLERS, "geoloc.datasets")
METRICS = _child("metric", mmengine_registry.METRICS, "geoloc.evaluation")
LOOPS = _child("loop", mmengine_registry.LOOPS, RUNNER_PARTS)
HOOKS = _child("hook", mmengine_registry.HOOKS, RUNNER_PARTS)
VISUALIZERS = _child("visualizer", mmengine_registry.VISUALIZERS, RUNNER_PARTS)
OPTIM_WRAPPERS = _child("optimizer wrapper", mmengine_registry.OPTIM_WRAPPERS, RUNNER_PARTS)
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    "optimizer wrapper constructor", mmengine_registry.OPTIM_WRAPPER_CONSTRUCTORS, RUNNER_PARTS
)
PARAM_SCHEDULERS = _child("parameter scheduler", mmengine_registry.PARAM_SCHEDULERS, RUNNER_PARTS)
FUNCTIONS = _child("function", mmengine_registry.FUNCTIONS, "geoloc.datasets")

RUNNERS = _child("runner", mmengine_registry.RUNNERS, RUNNER_PARTS)
STRATEGIES = _child("strategy", mmengine_registry.STRATEGIES, RUNNER_PARTS)
WEIGHT_INITIALIZERS = _child(
    "weight initializer", mmengine_registry.WEIGHT_INITIALIZERS, "geoloc.engine.pretrained"
)

# The Runner also searches these by scope; without a child of that scope mmengine warns at every
# build. They hold nothing of geoloc's own and hand every name on to mmengine.
INHERITED = {
    name: _child(name.lower(), getattr(mmengine_registry, name), "geoloc.registry")
    for name in (
        "RUNNER_CONSTRUCTORS",
        "OPTIMIZERS",
        "LOG_PROCESSORS",
        "MODEL_WRAPPERS",
        "EVALUATOR",
        "VISBACKENDS",
        "TASK_UTILS",
        "INFERENCERS",
    )
}

BACKBONES = RoleRegistry("backbone", ["geoloc.models"])
NECKS = RoleRegistry("neck", ["geoloc.models"])
HEADS = RoleRegistry("head", ["geoloc.models"])
LOSSES = RoleRegistry("loss", ["geoloc.models.losses"])
SIMILARITIES = RoleRegistry("similarity", ["geoloc.models"])
MINERS = RoleRegistry("miner", ["geoloc.models.miners"])
RERANKERS = RoleRegistry("re-ranker", ["geoloc.evaluation.rerank"])
INDEXES = RoleRegistry("index", ["geoloc.evaluation.search"])
LOCATION_ENCODERS = RoleRegistry("location encoder", ["geoloc.models"])
GALLERIES = RoleRegistry("GPS gallery", ["geoloc.models"])
