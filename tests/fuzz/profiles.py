"""How long properties are tried: in the suite few inputs, the same in every run; else many."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
LONG = "EPHRAIM_DB_FUZZ_LONG" in os.environ


def tried(examples: int, *, long: int) -> settings:
    """Return settings for a property: so many examples, or `long` of `make fuzz`."""
    return settings(
        max_examples=long if LONG else examples,
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=LONG,
        suppress_health_check=_SLOW,
    )
