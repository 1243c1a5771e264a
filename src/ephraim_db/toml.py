"""Read TOML that people write, so that whatever is in the file, an error can say what to mend."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_toml(path: Path) -> dict[str, Any]:
    """Return the document in `path`: UTF-8, with or without a byte order mark.

    Raises FileNotFoundError if there is none, else ValueError with what is wrong, to come after
    the name of the file.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1}): save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from None
    except RecursionError:
        raise ValueError("is not TOML for people: it nests too deeply") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise ValueError("is not TOML for people: a number in it is too long") from None
    if any("\0" in text for text in _texts(document)):
        raise ValueError(r"holds a text with \u0000, which Postgres takes nowhere: leave it out")
    return document


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
