"""Datasets that are rendered on first use."""

from collections.abc import Callable

from mmengine.dist import barrier, is_main_process


def render_first(write: Callable[[], object]) -> None:
    """Let the main process write the files, and all others wait for it.

    Args:
        write: Writes what is not there yet. It also imports the renderer, which compiles then.
    """
    try:
        if is_main_process():
            write()
    finally:  # also after a failure, or the other processes would wait for ever
        barrier()
