"""docs/reference, written from what the code itself says: `make reference`.

click commands --help --> commands.md
__all__, docstrings ----> python.md
errors.py --------------> errors.md
tests/rest/attacks -----> attacks.md
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from tests.rest.attacks.page import attacks_page

from ephraim_db import errors
from ephraim_db.cli.group import commands

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
MODULES = (
    "ephraim_db",
    "ephraim_db.sealing",
    "ephraim_db.sms",
    "ephraim_db.xero",
    "ephraim_db.web",
    "ephraim_db.rotation",
    "ephraim_db.rls",
    "ephraim_db.migrations",
    "ephraim_db.postgres",
    "ephraim_db.project",
    "ephraim_db.local",
    "ephraim_db.testing",
    "ephraim_db.fakes.twilio",
    "ephraim_db.fakes.xero",
)
_MADE = "<!-- Written by `make reference`: change what the code says instead. -->"


PAGES = ("attacks.md", "commands.md", "errors.md", "python.md")


def page(name: str) -> str:
    """Give the text of one of PAGES."""
    made = {
        "attacks.md": attacks_page,
        "commands.md": _commands,
        "errors.md": _errors,
        "python.md": _python,
    }
    return "\n\n".join([_MADE, *made[name]()]) + "\n"


def _commands() -> Iterator[str]:
    yield "# Commands"
    yield "What `--help` says of each. [The Python names](python.md); [the errors](errors.md)."
    context = click.Context(commands, info_name="ephraim-db", **commands.context_settings)
    yield from _command(context, commands)


def _command(context: click.Context, command: click.Command) -> Iterator[str]:
    context.terminal_width = 88
    yield f"## {context.command_path}"
    yield f"```text\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            under = command.get_command(context, name)
            assert under is not None
            yield from _command(click.Context(under, parent=context, info_name=name), under)


def _python() -> Iterator[str]:
    yield "# Python"
    yield "What may be imported, by where from. A name that is not here may change at any time."
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield f"## {module_name}"
        yield _quoted(module.__doc__)
        for name in sorted(module.__all__, key=str.casefold):
            yield from _member(name, getattr(module, name))


def _member(name: str, member: Any) -> Iterator[str]:
    if inspect.isclass(member):
        yield f"### {name}"
        yield from _class(name, member)
    elif inspect.isroutine(member):
        yield f"### {name}"
        yield _code(f"{_keyword(member)} {name}", member)
        yield _doc(member)
    else:
        yield f"### {name}"
        yield f"`{_stable(member)}`"


def _class(name: str, member: type) -> Iterator[str]:
    if issubclass(member, enum.Enum):
        yield _doc(member)
        yield ", ".join(f"`{one.value}`" for one in member)
        return
    if not issubclass(member, BaseException):
        yield _code(f"class {name}", member)
    yield _doc(member)
    for method_name, method in vars(member).items():
        if method_name.startswith("_") or not _is_documented(method):
            continue
        if isinstance(method, property):
            yield f"#### {name}.{method_name}"
            yield _doc(method.fget)
        else:
            yield f"#### {name}.{method_name}()"
            function = inspect.unwrap(getattr(member, method_name))
            yield _code(f"{_keyword(function)} {method_name}", function)
            yield _doc(method)


def _is_documented(method: Any) -> bool:
    inner = method.fget if isinstance(method, property) else method
    return bool(getattr(inner, "__doc__", None)) and (
        isinstance(method, property | classmethod | staticmethod) or inspect.isfunction(method)
    )


def _errors() -> Iterator[str]:
    yield "# Errors"
    yield "Every error of ours is one of these; what a class says here is its message by default."
    yield _quoted(errors.__doc__)
    classes = {
        name: member
        for name, member in vars(errors).items()
        if inspect.isclass(member) and member.__module__ == errors.__name__
    }
    for name, member in classes.items():
        bases = ", ".join(base.__name__ for base in member.__bases__)
        yield f"## {name}({bases})"
        yield _doc(member)


def _code(lead: str, member: Any) -> str:
    signature = _signature(member)
    if len(lead) + len(signature) > 88:
        signature = re.sub(r"^\(", "(\n    ", signature)
        signature = re.sub(r", (?=\*?\*?\w+(:|=|,|\)))", ",\n    ", signature)
        signature = re.sub(r"\)( -> .*)?$", lambda end: f",\n){end[1] or ''}", signature)
    return f"```text\n{lead}{signature}\n```"


def _keyword(function: Any) -> str:
    return "async def" if inspect.iscoroutinefunction(function) else "def"


def _signature(member: Any) -> str:
    try:
        shown = _stable(str(inspect.signature(member)))
    except ValueError:
        return "(...)"
    shown = re.sub(r"(: |-> )(['\"])(.*?)\2", r"\1\3", shown)  # annotations are kept as strings
    return shown.replace("(self, ", "(").replace("(self)", "()")


def _stable(value: object) -> str:
    """Show a value without the addresses that differ from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", "", value if isinstance(value, str) else repr(value))


def _doc(member: Any) -> str:
    return _spans(inspect.cleandoc(member.__doc__ or ""))


def _quoted(doc: str | None) -> str:
    """A module's docstring: its sentence, then its picture as it is drawn."""
    first, _, rest = inspect.cleandoc(doc or "").partition("\n\n")
    return f"{_spans(first)}\n\n```text\n{rest}\n```" if rest else _spans(first)


def _spans(text: str) -> str:
    return text.replace("<", "&lt;") if "`" not in text else text


def main() -> None:
    """Write them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (FOLDER / name).write_text(page(name), "utf-8")


if __name__ == "__main__":
    main()
