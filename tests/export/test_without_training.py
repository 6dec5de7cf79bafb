"""A bundle is loaded and used without any part of a training."""

import subprocess
import sys
from pathlib import Path

from geoloc.export import export_bundle
from geoloc.localization import Describer, build_gallery
from geoloc.localization.trained_model import TrainedModel

# mmpretrain, whose layers and transforms the model uses, imports mmengine's runner itself; so what
# is imported is compared with what mmpretrain imports, and what is built with nothing at all.
PROGRAM = """
import sys
import mmpretrain.datasets, mmpretrain.models
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.runner import BaseLoop, Runner
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Sampler

before = set(sys.modules)

def refuse(self, *args, **options):
    raise AssertionError(type(self).__name__ + " was built")

parts = [Runner, BaseLoop, Hook, Optimizer, OptimWrapper, DefaultOptimWrapperConstructor]
for part in [*parts, DataLoader, Sampler]:
    part.__init__ = refuse
Config.fromfile = refuse

from geoloc.localization import Localizer

bundle, gallery, photos = sys.argv[1:]
localizer = Localizer(bundle, gallery=gallery)
answers = localizer.localize(photos)
assert len(answers) == 12, answers.unread
assert all(answer.photo.name == answer.images[0].name for answer in answers)

model = localizer.describer.model
assert not len(model.losses) and model.miner is None, model
new = set(sys.modules) - before
training = ("hooks", "optim", "precision", "runner", "runner_parts", "run", "sharpness", "launch")
unwanted = [f"geoloc.engine.{name}" for name in training] + ["geoloc.campusworld"]
loaded = [name for name in new if name.startswith(("mmengine.", *unwanted))]
assert not loaded, loaded

# and the guard guards
from geoloc.registry import HOOKS
try:
    HOOKS.build({"type": "EpochSeedHook"})
except AssertionError:
    assert "geoloc.engine.hooks" in sys.modules
    print("done")
"""


def test_a_bundle_needs_no_part_of_a_training(
    tmp_path: Path, model: TrainedModel, describer: Describer, world: Path
) -> None:
    export_bundle(tmp_path / "bundle", model)
    build_gallery(tmp_path / "gallery", world / "satellite", describer, "satellite")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "bundle", tmp_path / "gallery", world / "drone"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
