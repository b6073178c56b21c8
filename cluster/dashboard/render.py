"""HTML from templates."""

from __future__ import annotations

import json
import math
import shlex
from typing import Any

import jinja2
from markupsafe import Markup

from cluster.dashboard.links import Links
from cluster.dashboard.pages import numbers


def environment() -> jinja2.Environment:
    """The templates of this package, escaping, with the formats of `pages.numbers` as filters."""
    result = jinja2.Environment(
        loader=jinja2.PackageLoader("cluster.dashboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "whole", "percent", "duration", "ago", "clock", "size"):
        result.filters[name] = getattr(numbers, name)
    result.filters["data"] = data
    result.filters["quoted"] = lambda value: shlex.quote(str(value))  # in a command to be pasted
    return result


def data(value: Any) -> Markup:
    """JSON for a <script type="application/json">, in which nothing can end the element."""
    text = json.dumps(finite(value), separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def finite(value: Any) -> Any:
    """The same with None for numbers that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value


class Renderer:
    """A renderer of templates, for pages that are served or that are files."""

    def __init__(self, *, static: bool = False, paintings: int | None = None) -> None:
        self.environment = environment()
        self.static = static
        self.paintings = paintings

    def __call__(self, template: str, page: str, context: dict[str, Any]) -> str:
        """The HTML of `template` for the page at path `page`."""
        link = Links(page, self.static, self.paintings)
        text = self.environment.get_template(template).render(**context, link=link, page=page, static=self.static)
        return text.encode("utf-8", "replace").decode()  # a stranger's names can hold half characters
