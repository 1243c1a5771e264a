"""Import a command when it is called, or say which extra it wants."""

from __future__ import annotations

import importlib

import click


def import_command(module: str, *, of: str, extra: str) -> click.Command:
    """Return the command that `module` is named after; `of` is what was called.

    Without a package that it needs, it raises a message that names the extra that brings it.
    """
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("ephraim_db"):
            raise
        package = error.name.partition(".")[0]
        raise click.ClickException(
            f"`{of}` needs the package {package}: pip install 'ephraim-db[{extra}]'"
        ) from error
    command: click.Command = getattr(found, module.rpartition(".")[2])
    return command
