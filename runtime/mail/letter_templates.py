"""Renders a letter's text and HTML from a service's templates within the layout that all letters share."""

from typing import Any

import jinja2


class LetterTemplates:
    """The templates of one package, in its folder `templates`, and the shared ones of this package."""

    def __init__(self, package: str) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader(
                [
                    jinja2.PackageLoader(package, "templates"),
                    jinja2.PackageLoader("runtime.mail", "templates"),
                ]
            ),
            autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def text(self, name: str, page: dict[str, Any]) -> str:
        """Render the text part of the letter with this name."""
        return self._environment.get_template(f"{name}.txt.j2").render(page)

    def html(self, name: str, page: dict[str, Any]) -> str:
        """Render the HTML part."""
        return self._environment.get_template(f"{name}.html.j2").render(page)
