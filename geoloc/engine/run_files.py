"""Files of a run folder that say which model it trained."""

from pathlib import Path

from geoloc.errors import CheckpointError, ConfigError

PLAIN_CONFIG = "config.json"  # the config as it was run, if it needs no code
LAST_CHECKPOINT = "last_checkpoint"  # mmengine writes the path of the newest into it


def config_of_run(folder: Path) -> Path | None:
    """Return the config as it was run, the newest that the run left; None if it left none."""
    files = [*folder.glob("*.py"), *folder.glob("*/vis_data/config.py")]
    return max(files, key=lambda file: file.stat().st_mtime, default=None)


def checkpoint_of_run(folder: Path) -> Path | None:
    """Return the last checkpoint of a run, also of a folder that was moved; None without."""
    mark = folder / LAST_CHECKPOINT
    if mark.is_file():
        last = folder / Path(mark.read_text(encoding="utf-8").strip()).name
        if last.is_file():
            return last
    return max(folder.glob("*.pth"), key=lambda file: file.stat().st_mtime, default=None)


def model_of_run(folder: Path, checkpoint: Path | None = None) -> tuple[Path, Path]:
    """Return the config of a run and a checkpoint.

    Args:
        folder: Of the run.
        checkpoint: By default the last of the run.

    Raises:
        ConfigError: If there is no such folder, or no config in it.
        CheckpointError: If there is no checkpoint in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no run folder {folder}; name the --work-dir of a training")
    plain = folder / PLAIN_CONFIG  # before the same in Python, which is run to be read
    config = plain if plain.is_file() else config_of_run(folder)
    checkpoint = checkpoint or checkpoint_of_run(folder)
    if config is None:
        raise ConfigError(f"{folder} is no run folder: it holds no config (.json or .py)")
    if checkpoint is None:
        raise CheckpointError(f"run folder {folder} holds no checkpoint (.pth); train it first")
    return config, checkpoint


def newest_run(folder: Path) -> Path | None:
    """Return the run below a folder that saved a checkpoint last; None if there is none."""
    marks = folder.glob(f"*/{LAST_CHECKPOINT}")
    newest = max(marks, key=lambda mark: mark.stat().st_mtime, default=None)
    return None if newest is None else newest.parent
