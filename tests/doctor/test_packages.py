"""Versions against declared bounds, and combinations that are known not to work."""

import configparser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from geoloc.doctor.conflicts import known_conflicts
from geoloc.doctor.finding import Finding
from geoloc.doctor.packages import (
    ENABLES,
    dependencies,
    extras,
    installed_versions,
    requirements_of,
)
from tests.conftest import ROOT

WORKS = {
    **{"torch": "2.4.1", "torchvision": "0.19.1", "numpy": "2.1.0", "faiss-cpu": "1.9.0"},
    **{"mmcv-lite": "2.2.0", "mmengine": "0.10.7", "mmpretrain": "1.2.0", "transformers": "5.24.0"},
    **{"opencv-python": "4.10.0", "setuptools": "75.0"},
}


def versions(**changes: str) -> dict[str, Version]:
    """Return what works, with changes; an underscore in a name is a hyphen."""
    every = {**WORKS, **{name.replace("_", "-"): text for name, text in changes.items()}}
    return {name: Version(text) for name, text in every.items()}


def conflicts(**changes: str) -> list[Finding]:
    found = known_conflicts(versions(**changes))
    return [each for each in found if each.name != "setuptools"]  # as this environment has it


def test_what_works_has_no_conflict() -> None:
    assert conflicts() == []
    assert conflicts(numpy="1.26.4", torch="2.2.2", faiss_cpu="1.8.0") == []
    assert conflicts(torch="2.4.1+cpu", torchvision="0.19.1+cpu") == []
    assert conflicts(transformers="4.51.3", pycocotools="2.0.8") == []


@pytest.mark.parametrize(
    ("changes", "name", "fix"),
    [
        ({"torch": "2.4.1+cpu"}, "torchvision", "--force-reinstall torch torchvision"),
        ({"torchvision": "0.19.1+cpu"}, "torchvision", "both from the same index"),
        ({"torch": "2.2.2"}, "torch", 'pip install --upgrade "torch>=2.3", or "numpy<2"'),
        ({"faiss_cpu": "1.8.0"}, "faiss-cpu", '"faiss-cpu>=1.9", or "numpy<2"'),
        ({"pycocotools": "2.0.8"}, "mmpretrain", 'pycocotools, or pip install "transformers<4.52"'),
        (
            {"faiss_gpu": "1.7.2"},
            "faiss",
            "pip uninstall -y faiss-cpu faiss-gpu && pip install faiss-cpu",
        ),
        ({"mmcv": "2.1.0"}, "mmcv", "pip uninstall -y mmcv-lite mmcv && pip install mmcv-lite"),
        ({"onedl_mmengine": "0.10.12"}, "mmengine", "pip install mmengine"),
        ({"opencv_python_headless": "5.0"}, "cv2", "pip install opencv-python"),
    ],
)
def test_a_known_conflict_is_broken_and_names_its_fix(
    changes: dict[str, str], name: str, fix: str
) -> None:
    (found,) = conflicts(**changes)
    assert (found.name, found.status) == (name, "broken")
    assert fix in found.text


def test_two_packages_with_the_same_files_of_one_version_are_a_note() -> None:
    (found,) = conflicts(mmcv="2.2.0")
    assert found.status == "note"


def checked(needed: list[str], **changes: str) -> dict[str, Finding]:
    found = dependencies([Requirement(line) for line in needed], versions(**changes))
    return {each.name: each for each in found if each.name in WORKS or each.status != "ok"}


def test_each_bound_is_checked() -> None:
    found = checked(["torch>=2.1", "numpy>=2.2", "rich>=13", "mmcv-lite>=2.0.1"])
    assert found["torch"] == Finding("torch", "2.4.1 (>=2.1)")
    assert found["mmcv-lite"].status == "ok"
    assert found["numpy"] == Finding(
        "numpy", '2.1.0, geoloc needs >=2.2: pip install "numpy>=2.2"', "broken"
    )
    assert found["rich"] == Finding("rich", 'is not installed: pip install "rich>=13"', "broken")
    (prerelease,) = checked(["torch>=2.1"], torch="2.5.0a0+gitabc").values()
    assert prerelease.status == "ok"  # a build from source is newer than the bound


def test_another_package_with_the_same_module_may_do() -> None:
    needed = [Requirement("mmcv-lite>=2.0.1")]
    full = {"mmcv": Version("2.1.0")}
    (found,) = dependencies(needed, full)
    assert found.status == "note"
    assert "pip uninstall -y mmcv && pip install mmcv-lite" in found.text
    (found,) = dependencies(needed, {"mmcv": Version("1.7.2")})
    assert (found.status, found.text[:16]) == ("broken", "is not installed")


def test_what_a_package_declares_about_another_counts() -> None:
    found = list(
        dependencies(
            [Requirement("torch>=2.1"), Requirement("torchvision>=0.16")],
            {"torch": Version("2.1.0"), "torchvision": installed_versions()["torchvision"]},
        )
    )
    declared = next(each for each in requirements_of("torchvision") if each.name == "torch")
    assert [each.status for each in found] == ["ok", "ok", "broken"]
    assert f"needs torch{declared.specifier}, not 2.1.0" in found[2].text
    assert f'pip install --upgrade torchvision "torch{declared.specifier}"' in found[2].text


def write_distribution(folder: Path, name: str, version: str, *lines: str) -> None:
    """Write what pip leaves of a package, without the package."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    text = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *lines]
    (info / "METADATA").write_text("\n".join(text) + "\n")


def test_installed_versions_are_read_from_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_distribution(
        tmp_path, "Odd.Name", "1.0", 'Requires-Dist: a>=2; extra == "x"', "Requires-Dist: b"
    )
    write_distribution(tmp_path, "broken", "no-version")
    monkeypatch.syspath_prepend(tmp_path)
    found = installed_versions()
    assert found["odd-name"] == Version("1.0")
    assert found.keys() >= {"torch", "numpy", "geoloc"}
    assert "broken" not in found
    assert [str(each) for each in requirements_of("odd-name")] == ["b"]
    assert [each.name for each in requirements_of("odd-name", "x")] == ["a"]
    assert requirements_of("not-installed") == []


def test_every_extra_of_setup_says_what_it_enables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = set(setup["options.extras_require"]) - {"test", "docs"}
    assert set(ENABLES) == declared
    lines = ['Requires-Dist: timm>=0.9; extra == "timm"', 'Requires-Dist: pandas; extra == "table"']
    write_distribution(tmp_path, "geoloc", "0.1.0", *lines)
    monkeypatch.syspath_prepend(tmp_path)
    found = {each.name: each for each in extras({"timm": Version("1.0")})}
    assert found["timm"].status == "ok"
    assert found["timm"].text.endswith("(timm 1.0)")
    assert found["table"].status == found["pml"].status == "absent"
    assert 'pip install "geoloc[table]"' in found["table"].text
    assert next(extras({"timm": Version("0.8")})).status == "absent"
