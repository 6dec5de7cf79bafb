import runpy
from pathlib import Path

import pytest
import yaml

from geoloc.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_files_are_up_to_date(run_tool) -> None:
    done = run_tool("metafiles.py", "--check")
    assert done.returncode == 0, done.stderr


def test_every_config_is_in_the_index() -> None:
    index = yaml.safe_load((ROOT / "model-index.yml").read_text())
    listed = []
    for name in index["Import"]:
        content = yaml.safe_load((ROOT / name).read_text())
        (collection,) = content["Collections"]
        assert (ROOT / collection["README"]).is_file()
        for model in content["Models"]:
            assert model["In Collection"] == collection["Name"]
            listed.append(model["Config"])
    configs = (ROOT / "configs").glob("[!_]*/*.py")
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in configs)


def test_results_are_those_of_the_benchmark() -> None:
    for path in (ROOT / "configs").glob("*/metafile.yml"):
        for model in yaml.safe_load(path.read_text())["Models"]:
            for result in model.get("Results", ()):
                folder = ROOT / "docs/benchmarks" / result["Preset"] / "results" / path.parent.name
                files = [yaml.safe_load(file.read_text()) for file in folder.glob("*/metrics.json")]
                assert len(files) == result["Seeds"]
                for metric, value in result["Metrics"].items():
                    mean = sum(file[result["Task"]][metric] for file in files) / len(files)
                    assert value == pytest.approx(mean, abs=0.0051)


def test_a_page_without_a_source_is_refused(tmp_path) -> None:
    metafile = runpy.run_path(str(ROOT / "tools/metafiles.py"))["metafile"]
    (tmp_path / "README.md").write_text("# Method\n\nAn idea.\n")
    with pytest.raises(ConfigError, match=r"README.md has no paragraph 'Source"):
        metafile(tmp_path)
