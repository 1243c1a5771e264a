"""The fenced blocks of README.md and docs, apart from the reference, which is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if "reference" not in path.parts
)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences; `language` is the word behind the first."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, language: str | None = None) -> list[Block]:
    """Give the blocks of a page in their order, all or those in a language."""
    return [block for block in _read(page) if language in (None, block.language)]


def _read(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text("utf-8")
    for match in re.finditer(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", text, re.M | re.S):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[2], match[3])
