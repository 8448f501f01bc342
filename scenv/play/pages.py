"""Filling templates: one environment, everything escaped, the texts at hand as `t`."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from scenv.play import texts
from scenv.play.charts import quantity

__all__ = ["go_to", "policy_name", "render"]

_ENVIRONMENT = Environment(
    loader=PackageLoader("scenv.play"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def policy_name(name: str) -> str:
    """What a policy is called on a page."""
    return texts.POLICY_NAMES.get(name, name)


_ENVIRONMENT.globals["t"] = texts
_ENVIRONMENT.filters["quantity"] = quantity
_ENVIRONMENT.filters["policy_name"] = policy_name


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(**values), status_code=status)


def go_to(path: str) -> RedirectResponse:
    """Where the browser goes after it has sent something, so that a reload sends nothing twice."""
    return RedirectResponse(path, status_code=303)
