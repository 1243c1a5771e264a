"""Which personas a marked test is run as."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ephraim_db.errors import InvalidInput, InvalidPersonas
from ephraim_db.rls import Persona, read_personas
from ephraim_db.testing.configuring import read_configuration
from ephraim_db.testing.making import similar


def personas_of(metafunc: pytest.Metafunc, *, without: Sequence[str] = ()) -> list[Persona]:
    """Return the personas of rls.toml but those `without`; raises what is to be told."""
    where = metafunc.definition.nodeid
    if "persona" not in metafunc.fixturenames:
        raise InvalidInput(where, "a test of every persona takes the argument `persona`")
    file = read_configuration(metafunc.config.rootpath).personas
    if not file.exists():
        raise InvalidPersonas(
            file,
            "",
            "is not there, so it is not known who everybody is: write it, or let "
            "`ephraim-db rls init` guess",
        )
    everyone = read_personas(file).everyone
    names = [persona.name for persona in everyone]
    left_out = [without] if isinstance(without, str) else without
    for name in left_out:
        if name not in names:
            raise InvalidInput(where, f"nobody is called {name}{similar(name, names)}")
    return [persona for persona in everyone if persona.name not in left_out]
