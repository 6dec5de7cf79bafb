"""Import what geoloc needs, one after the other, and say what happens.

``python -m geoloc.doctor.import_probe``: a process of its own, because a package that was built
for another processor or another library ends the process instead of raising. Every line is a JSON
object: ``{"import": name}`` before an import, then ``{"name", "text", "status"}`` about it.
"""

import importlib
import json
import os
import time
import warnings
from typing import Any

from geoloc.doctor.finding import Finding

MODULES = ("torch", "torchvision", "mmcv", "mmpretrain.models", "faiss", "numba")


def main() -> None:
    """Import everything, and look at the devices once torch is there."""
    warnings.simplefilter("ignore")
    for name in MODULES:
        _say({"import": name})
        start = time.perf_counter()
        try:
            module = importlib.import_module(name)
        except Exception as error:  # whatever a broken package raises
            reason = " ".join(str(error).split())
            _say(Finding(name, f"{type(error).__name__}: {reason}", "broken")._asdict())
            continue
        _say(Finding(name, f"imported in {time.perf_counter() - start:.1f} s")._asdict())
        if name == "torch":
            for finding in _devices(module):
                _say(finding._asdict())


def _devices(torch: Any) -> list[Finding]:
    limit = os.environ.get("OMP_NUM_THREADS")
    text = f"{torch.get_num_threads()} of torch" + (f" (OMP_NUM_THREADS={limit})" if limit else "")
    found = [Finding("threads", text)]
    if not torch.cuda.is_available():
        build = torch.version.cuda or torch.version.hip
        text = f"no device that torch {torch.__version__} can use" if build else "not in this torch"
        found.append(Finding("cuda", text, "absent"))
    else:
        for number in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(number)
            text = f"{device.name}, {device.total_memory / 1e9:.1f} GB"
            found.append(Finding(f"cuda:{number}", text))
    mps = torch.backends.mps.is_available()
    return [*found, Finding("mps", "available" if mps else "none", "ok" if mps else "absent")]


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
