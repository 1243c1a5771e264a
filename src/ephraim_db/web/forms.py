"""What a form sent: few fields, all text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

_MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; one that is absent, or a file, is empty."""

    fields: Mapping[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        """Return the text without the space around it."""
        return self.fields.get(name, "").strip()

    def __contains__(self, name: str) -> bool:
        """Return whether the field was sent: an unchecked box is not."""
        return name in self.fields


async def read_form(request: Request) -> Form:
    """Return the posted fields; the shield bounds their size."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return Form({name: value for name, value in form.items() if isinstance(value, str)})
