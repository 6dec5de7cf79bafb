"""Combinations of packages that are known not to work, though all bounds are kept."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec

from packaging.version import Version

from geoloc.doctor.finding import Finding
from geoloc.doctor.packages import SAME_MODULE, Versions


def known_conflicts(versions: Versions) -> Iterator[Finding]:
    """Yield the conflicts among what is installed.

    Args:
        versions: What is installed.
    """
    yield from _same_module(versions)
    for rule in RULES:
        if (found := rule(versions)) is not None:
            yield found


def _same_module(versions: Versions) -> Iterator[Finding]:
    """Yield distributions that wrote over each other's files."""
    for module, distributions in SAME_MODULE.items():
        found = [name for name in distributions if name in versions]
        if len(found) < 2:
            continue
        mixed = len({versions[name] for name in found}) > 1
        yield Finding(
            module,
            f"{' and '.join(f'{name} {versions[name]}' for name in found)} write the same files: "
            f"pip uninstall -y {' '.join(found)} && pip install {found[0]}",
            "broken" if mixed else "note",
        )


def _torch_builds(versions: Versions) -> Finding | None:
    """A torchvision for CUDA does not find its operators in a torch for CPUs, and vice versa."""
    if not {"torch", "torchvision"} <= versions.keys():
        return None
    torch, vision = versions["torch"], versions["torchvision"]
    if (torch.local == "cpu") == (vision.local == "cpu"):
        return None
    return Finding(
        "torchvision",
        f"{vision} and torch {torch} are different builds, one of them for CPUs alone: pip install "
        "--force-reinstall torch torchvision, both from the same index",
        "broken",
    )


def _numpy_2(name: str, first: str) -> Callable[[Versions], Finding | None]:
    """Return a rule about a package whose releases before ``first`` were compiled for numpy 1.

    Args:
        name: Canonical name of the distribution.
        first: Its first release that works with numpy 2.
    """

    def rule(versions: Versions) -> Finding | None:
        """Return a finding where such a release stands beside numpy 2, None elsewhere."""
        numpy, version = versions.get("numpy", Version("0")), versions.get(name)
        if version is None or version >= Version(first) or numpy < Version("2"):
            return None
        return Finding(
            name,
            f"{version} was compiled for numpy 1 and here is numpy {numpy}: "
            f'pip install --upgrade "{name}>={first}", or "numpy<2"',
            "broken",
        )

    return rule


def _multimodal(versions: Versions) -> Finding | None:
    """Mmpretrain imports its multi-modal models where both packages are, from names now gone."""
    if not {"mmpretrain", "transformers", "pycocotools"} <= versions.keys():
        return None
    if versions["transformers"] < Version("4.52") or versions["mmpretrain"] > Version("1.2"):
        return None
    return Finding(
        "mmpretrain",
        f"{versions['mmpretrain']} cannot be imported where pycocotools and transformers "
        f"{versions['transformers']} are: pip uninstall -y pycocotools, or pip install "
        '"transformers<4.52"',
        "broken",
    )


def _package_resources(versions: Versions) -> Finding | None:
    """Mmengine finds configs of other packages by a module that setuptools 82 dropped."""
    if find_spec("pkg_resources") is not None:
        return None
    return Finding(
        "setuptools",
        f"{versions.get('setuptools', 'none')} has no pkg_resources, without which configs cannot "
        'inherit from mmpretrain::...; if you need that: pip install "setuptools<82"',
        "note",
    )


RULES: tuple[Callable[[Versions], Finding | None], ...] = (
    _torch_builds,
    _numpy_2("torch", "2.3"),
    _numpy_2("faiss-cpu", "1.9"),
    _multimodal,
    _package_resources,
)
