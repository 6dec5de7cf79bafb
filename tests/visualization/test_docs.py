"""The Python of docs/pictures.md runs as it stands there."""

import re

from tests.conftest import ROOT


def test_the_python_blocks_run(answers, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/pictures.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {"answers": answers})
    assert {"map.html", "panels.png", "errors.svg"} <= {path.name for path in tmp_path.iterdir()}
