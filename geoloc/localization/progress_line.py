"""A progress bar for work that reports how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress_line(text: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on the error output while the block runs, if that is a terminal.

    Args:
        text: What is counted.

    Yields:
        A function to call with what is done and what there is in all.
    """
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(text)
        yield lambda done, total: bar.update(task, completed=done, total=total)
