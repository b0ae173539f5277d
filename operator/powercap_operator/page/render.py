"""The page as HTML. Whatever comes from the cluster is escaped by the template engine, everywhere."""

from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from .overview import Overview

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("powercap_operator.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(overview: Overview) -> str:
    """The whole page."""
    return _ENVIRONMENT.get_template("page.html").render(page=overview)


def static_file(name: str) -> bytes:
    """What the page refers to: its style, its script, its icon."""
    return (files("powercap_operator.page") / "static" / name).read_bytes()
