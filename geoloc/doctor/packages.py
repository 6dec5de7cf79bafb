"""Versions of geoloc and of what it depends on, against the bounds that they declare."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

import geoloc
from geoloc.doctor.finding import Finding

# Distributions that bring the same module, the one that geoloc asks for first.
SAME_MODULE = {
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12"),
    "mmcv": ("mmcv-lite", "mmcv", "mmcv-full"),
    "mmengine": ("mmengine", "mmengine-lite", "onedl-mmengine"),
    "mmpretrain": ("mmpretrain", "onedl-mmpretrain"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
}

ENABLES = {
    "timm": "TimmBackbone: the backbones of timm",
    "pml": "PMLLoss: the losses and miners of pytorch-metric-learning",
    "clip": "ClipBackbone: the image towers of CLIP models",
    "area": "area accuracy of positions (country, region, city)",
    "table": "Answers.to_dataframe",
    "onnx": "geoloc export --format onnx, and models that were exported so",
}

Versions = Mapping[str, Version]
"""Versions of installed distributions by their canonical names."""


def installed_versions() -> Versions:
    """Return the versions of everything that is installed."""
    found: dict[str, Version] = {}
    for each in metadata.distributions():
        try:
            found.setdefault(canonicalize_name(each.metadata["Name"]), Version(each.version))
        except (InvalidVersion, KeyError, TypeError):  # what an interrupted pip leaves behind
            continue
    return found


def requirements_of(distribution: str, extra: str = "") -> list[Requirement]:
    """Return what a distribution needs here, or what one of its extras adds to that.

    Args:
        distribution: Its name; one that is not installed needs nothing.
        extra: Name of the extra.
    """
    try:
        every = [Requirement(line) for line in metadata.requires(distribution) or ()]
    except metadata.PackageNotFoundError:
        return []
    base = [each for each in every if _applies(each)]
    return [each for each in every if each not in base and _applies(each, extra)] if extra else base


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def python_and_geoloc() -> Iterator[Finding]:
    """Yield the versions of the interpreter and of geoloc, and where geoloc lies."""
    folder = Path(geoloc.__file__).parent
    try:
        declared = metadata.metadata("geoloc")
    except metadata.PackageNotFoundError:
        yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
        yield Finding(
            "geoloc",
            f"{geoloc.__version__} in {folder} is not installed, so that nobody knows what it "
            "needs: pip install -e . in the repository",
            "note",
        )
        return
    bounds = SpecifierSet(str(declared.json.get("requires_python", "")))
    version = platform.python_version()
    if bounds.contains(version, prereleases=True):
        yield Finding("python", f"{version} on {platform.platform()}")
    else:
        yield Finding(
            "python", f"{version}, geoloc needs {bounds}: install geoloc with another", "broken"
        )
    yield Finding("geoloc", f"{geoloc.__version__} in {folder}")


def dependencies(needed: Sequence[Requirement], versions: Versions) -> Iterator[Finding]:
    """Yield whether each requirement is met, and whether they meet each other's.

    Args:
        needed: What geoloc needs.
        versions: What is installed.
    """
    for requirement in needed:
        yield _met(requirement, versions)
    names = {canonicalize_name(each.name) for each in needed}
    for name in sorted(names & versions.keys()):
        for other in requirements_of(name):
            version = versions.get(canonicalize_name(other.name))
            if canonicalize_name(other.name) not in names or version is None:
                continue
            if not other.specifier.contains(version, prereleases=True):
                yield Finding(
                    name,
                    f"{versions[name]} needs {other.name}{other.specifier}, not {version}: "
                    f'pip install --upgrade {name} "{other.name}{other.specifier}"',
                    "broken",
                )


def _met(requirement: Requirement, versions: Versions) -> Finding:
    name, bounds = canonicalize_name(requirement.name), requirement.specifier
    version = versions.get(name)
    if version is not None:
        if bounds.contains(version, prereleases=True):
            return Finding(name, f"{version} ({bounds or 'any'})")
        return Finding(
            name, f'{version}, geoloc needs {bounds}: pip install "{name}{bounds}"', "broken"
        )
    for other in _others(name):
        if other in versions and bounds.contains(versions[other], prereleases=True):
            return Finding(
                name,
                f"{other} {versions[other]} is there instead; if it does not work: "
                f"pip uninstall -y {other} && pip install {name}",
                "note",
            )
    return Finding(name, f'is not installed: pip install "{name}{bounds}"', "broken")


def _others(name: str) -> Iterator[str]:
    for distributions in SAME_MODULE.values():
        if name in distributions:
            yield from (other for other in distributions if other != name)


def extras(versions: Versions) -> Iterator[Finding]:
    """Yield which optional parts can be used; one that is not wanted is no fault."""
    for extra, purpose in ENABLES.items():
        needed = requirements_of("geoloc", extra)
        missing = [
            each.name
            for each in needed
            if (version := versions.get(canonicalize_name(each.name))) is None
            or not each.specifier.contains(version, prereleases=True)
        ]
        if needed and not missing:
            found = ", ".join(f"{e.name} {versions[canonicalize_name(e.name)]}" for e in needed)
            yield Finding(extra, f"{purpose} ({found})")
        else:
            yield Finding(extra, f'{purpose}: pip install "geoloc[{extra}]"', "absent")
