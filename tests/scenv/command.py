"""How tests call `scenv`: the fixture `run` of conftest.py."""

from collections.abc import Callable

#: Words of a command line -> (exit code, standard output, standard error).
Run = Callable[..., tuple[int, str, str]]
