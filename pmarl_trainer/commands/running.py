"""How every command begins and ends: what a user can mend is one line on standard error and exit code 2."""

from __future__ import annotations

import codecs
import importlib.util
import io
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.errors import TrainerError, did_you_mean

INSTALL_HINT = 'the trainer needs torch: pip install "scenv[train]"'
#: What stands for a character that the output cannot show.
_PLAIN = {"±": "+/-", "×": "x", "…": "...", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "→": "->"}


#: What typer says of wrong usage: its own class in newer versions, click's in older ones.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def run(name: str, *commands: Callable[..., Any], about: str | None = None) -> None:
    """Run a command, or the one of several that is named, and end the process."""
    _show_what_the_terminal_can()
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, help=about, no_args_is_help=len(commands) > 1
    )
    for command in commands:
        app.command()(command)
    try:
        sys.exit(app(prog_name=name, standalone_mode=False) or 0)
    except TrainerError as error:
        _end(name, str(error), 2)
    except UsageError as error:
        _end(name, _usage(error), 2)
    except BrokenPipeError:  # nobody reads any more (| head): what was to be written to files has been
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _end(name, _foreign(error), 1)


def require_torch() -> None:
    """Refuse in one line what cannot run without torch.

    Raises:
        TrainerError: if torch or safetensors is not installed.
    """
    # OpenMP's threads spin while they wait for each other. Where another process wants the same cores, every one of the
    # thousands of small operations in an update then waits for the scheduler: we measured 2.9 s instead of 0.07 s.
    # The variable is read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for module in ("torch", "safetensors"):
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise TrainerError(INSTALL_HINT)


def require_extra() -> None:
    """Refuse in one line what cannot run without the extra `parties`.

    Raises:
        TrainerError: if grpcio or cryptography is not installed.
    """
    for module in ("grpc", "cryptography"):
        if importlib.util.find_spec(module) is None:
            raise TrainerError(f'training among parties needs {module}: pip install "scenv[parties]"')


def _end(name: str, message: str, code: int) -> None:
    if "--traceback" in sys.argv:
        traceback.print_exc()
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(code)


def _usage(error: Any) -> str:
    """click's message; for an option that is a setting, how it is written."""
    message = " ".join(error.format_message().split())
    option = getattr(error, "option_name", None)
    if option is not None:
        key = option.lstrip("-").partition("=")[0].replace("-", "_")
        if key in TrainConfig.model_fields:
            return f"no option {option}; settings are KEY=VALUE: train.{key}={_value_of(option)}"
        return f"no option {option}{did_you_mean(key, TrainConfig.model_fields)}"
    return message


def _value_of(option: str) -> str:
    """What was given for an option on the command line."""
    for word, following in zip(sys.argv[1:], [*sys.argv[2:], ""], strict=True):
        name, _, value = word.partition("=")
        if name == option:
            return value or following or "VALUE"
    return "VALUE"


def _foreign(error: Exception) -> str:
    """An error that is not ours in one line: what, and in which file it arose."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (in {frames[-1].filename}, line {frames[-1].lineno}; --traceback shows more)" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


def _show_what_the_terminal_can() -> None:
    """Characters that the output's encoding lacks are replaced, not fatal."""
    codecs.register_error("readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="readable")


def _readable(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in missing), error.end
