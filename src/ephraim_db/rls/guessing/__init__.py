"""What rls.toml would say, guessed from a database: the boundary, and who there is to act as.

config.toml -> schemas --\
catalog -> boundary ------> people of the seed, or made ones -> Personas --as_toml--> rls.toml
"""

from ephraim_db.rls.guessing.guess import Guess, guess
from ephraim_db.rls.guessing.schemas import exposed_schemas
from ephraim_db.rls.guessing.writing import as_toml

__all__ = ["Guess", "as_toml", "exposed_schemas", "guess"]
