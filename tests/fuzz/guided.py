"""Let atheris lead one property to inputs that take new ways through our code.

python -m tests.fuzz.guided tests.fuzz.test_sealing test_a_key_is_taken_whole_or_refused [options]

The options are libFuzzer's; it exits with another status than 0 once the property fails.
"""

from __future__ import annotations

import importlib
import sys

import atheris


def main() -> None:
    """Fuzz until the options say that it is enough."""
    module, name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["ephraim_db", "tomllib"]):
        test = getattr(importlib.import_module(module), name)
    atheris.Setup([sys.argv[0], *options], test.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
