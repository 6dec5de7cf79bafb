"""The repository around the package: its configs and tables are no part of what pip installs."""

from pathlib import Path

import geoloc
from geoloc.errors import ConfigError


def find_repository() -> Path | None:
    """Return the checkout that this package lies in, or the current folder if it is a checkout."""
    for folder in (Path(geoloc.__file__).resolve().parents[1], Path.cwd()):
        if (folder / "configs/_base_").is_dir():
            return folder
    return None


def check_config_path(path: str | Path) -> None:
    """Tell where the repository's configs are, if it is one of them that is missing.

    Args:
        path: Of a run config; one that is anywhere else than in ``configs`` is not looked at.

    Raises:
        ConfigError: If it begins with ``configs/`` and is not there.
    """
    file = Path(path)
    if file.parts[:1] != ("configs",) or file.is_file():
        return
    repository = find_repository()
    if repository is None:
        raise ConfigError(
            f"config file {file} does not exist: configs come with the repository of geoloc and "
            "not with an installed package; run geoloc in a checkout, or name a config of your own"
        )
    if (repository / file).is_file():
        raise ConfigError(f"config file {file} is not in this folder but {repository / file}")
