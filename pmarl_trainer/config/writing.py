"""Writing plain data as YAML that `reading` reads back as the same."""

from __future__ import annotations

from typing import Any

import yaml

from pmarl_trainer.config.reading import CORE

__all__ = ["yaml_text"]


def yaml_text(data: Any) -> str:
    """The YAML of plain data: a text gets quotes where YAML 1.1 or the core rules of 1.2 would read something else."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """PyYAML's own quotes by the rules of 1.1 alone, in which 1e1 is text."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whatever stands twice is written twice: `reading` takes no aliases."""
        return True


for _tag, (_pattern, _first, _) in CORE.items():
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)
