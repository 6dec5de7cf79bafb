"""The command ``geoloc``: find what is asked for, teach in its help, end mistakes in one line."""

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from geoloc import __version__
from geoloc.commands import COMMANDS, Command
from geoloc.errors import GeolocError

DEBUG_VARIABLE = "GEOLOC_DEBUG"


def main(argv: Sequence[str] | None = None) -> None:
    """Run ``geoloc COMMAND ...``; only the module of that command is imported.

    Args:
        argv: The words behind ``geoloc``; by default those that the process was called with.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    first = words[0] if words else "--help"
    if first in ("-h", "--help", "help"):
        run_command(lambda: print(_overview()))
    elif first == "--version":
        print(f"geoloc {__version__}")
    elif first in COMMANDS:
        run_named(first, words[1:])
    else:
        print(f"error: {_unknown(first)}", file=sys.stderr)
        sys.exit(2)


def run_named(name: str, argv: Sequence[str] | None = None) -> None:
    """Run one of ``COMMANDS``; ``geoloc NAME`` and the tool of that command are this.

    Args:
        name: Of the command.
        argv: Its arguments; by default those that the process was called with.
    """

    def run() -> None:
        module = _load(name)
        module.run(command_parser(name, module).parse_args(argv))

    run_command(run)


def run_command(main: Callable[[], None]) -> None:
    """Run ``main`` and exit; a user's mistake ends in one line and status 1.

    With ``GEOLOC_DEBUG=1`` the whole traceback is shown instead.
    """
    try:
        _run_in_one_line(main)
    except (SystemExit, GeolocError) as end:
        if getattr(end, "code", 1):
            _tell_launcher(end)
        raise
    finally:
        dist = sys.modules.get("torch.distributed")
        if dist is not None and dist.is_initialized():
            dist.destroy_process_group()


def _run_in_one_line(main: Callable[[], None]) -> None:
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit("\nstopped")
    except BrokenPipeError:  # whoever reads, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (GeolocError, TypeError, OSError) as error:
        if _debugging() or not _is_users_mistake(error):
            raise
        sys.exit(f"error: {_sentence(error)}")


def _tell_launcher(end: BaseException) -> None:
    """Note where torchrun looks for it that this process ends with a message, and no crash.

    A status would come too late: the other processes fail as soon as this one leaves them, and its
    launcher may see them first.
    """
    if "TORCHELASTIC_ERROR_FILE" in os.environ:
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(end)


def command_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of a command, whose help has examples and what to run next."""
    parser = argparse.ArgumentParser(
        f"geoloc {name}",
        description=COMMANDS[name].purpose,
        epilog=_epilog(COMMANDS[name]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return parser


def _overview() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {each.purpose}" for name, each in COMMANDS.items())
    return f"""usage: geoloc COMMAND [ARGUMENTS]

Where was this photo taken? Train, evaluate and compare methods that answer by retrieval.

commands, in the order of a project:
{commands}

geoloc COMMAND --help shows its arguments, examples, and what to run next.
geoloc --version prints the version; {DEBUG_VARIABLE}=1 shows tracebacks instead of one line.
start with:
  geoloc doctor"""


def _epilog(command: Command) -> str:
    examples = "\n".join(f"  {line}\n      {text}" for line, text in command.examples.items())
    return f"examples:\n{examples}\n\nnext:\n  {command.next}"


def _unknown(name: str) -> str:
    matches = difflib.get_close_matches(name.lower(), COMMANDS, n=2)
    hint = f"did you mean {' or '.join(matches)}?" if matches else f"it has {', '.join(COMMANDS)}"
    return f"geoloc has no command {name!r}: {hint}"


def _load(name: str) -> ModuleType:
    """Import the module of a command; a broken installation is no bug of geoloc."""
    try:
        return importlib.import_module(COMMANDS[name].module)
    except (ImportError, OSError, RuntimeError) as error:
        if _debugging():
            raise
        sys.exit(
            f"error: geoloc {name} cannot be loaded ({_sentence(error)}); geoloc doctor tells what "
            "is wrong with the installation"
        )


def _debugging() -> bool:
    return os.environ.get(DEBUG_VARIABLE) == "1"


def _is_users_mistake(error: Exception) -> bool:
    # A constructor's refusal of a misspelt option is the one TypeError that a config can cause.
    return not isinstance(error, TypeError) or "unexpected keyword argument" in str(error)


def _sentence(error: Exception) -> str:
    """Return the message in one line, without the traceback that a data-loading worker adds."""
    text = str(error).strip()
    if "Original Traceback" in text:
        text = text.splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())
