"""docs/reference/attacks.md: what the corpus tries, in its own words."""

from __future__ import annotations

from collections.abc import Iterator

from tests.rest.attacks.corpus import read_corpus


def attacks_page() -> Iterator[str]:
    """Yield the paragraphs of the page."""
    kinds = read_corpus()
    yield "# Attacks"
    yield (
        "Requests that the test suite sends through real PostgREST, all of which must get nowhere: "
        "the answer is the refusal that was expected, nothing stored is different afterwards, and "
        "no value that is not the attacker's to see stands anywhere in status, headers or body. "
        "Each has a control, the same by whom it befits or in its harmless form, which must "
        "succeed; and where a lock is taken off, attacks must be seen to get through."
    )
    rows = [f"| [{k.title}](#{_slug(k.title)}) | {len(k.attacks)} | {k.what} |" for k in kinds]
    total = f"| all | {sum(len(kind.attacks) for kind in kinds)} | |"
    yield "\n".join(["| kind | attacks | what |", "|---|---|---|", *rows, total])
    for kind in kinds:
        yield f"## {kind.title}"
        yield kind.what
        yield "\n".join(f"- {attack.wish} (`{attack.answer}`)" for attack in kind.attacks)


def _slug(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")
