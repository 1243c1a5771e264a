"""A run in which policies could not have stopped anybody is refused, whatever the catalog says."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.rls.conftest import NOTES, Look

from ephraim_db.errors import CannotProbe
from ephraim_db.postgres import Server
from ephraim_db.rls import Persona, Personas, observe


def test_a_role_that_inherits_the_owners_rights_is_found_out(
    look: Look, url: str, server: Server
) -> None:
    look(NOTES)
    heir = Personas(("public",), None, (Persona("heir", "ephraim_heir"),))
    admin_url = make_conninfo(url, user=server.user)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"create role ephraim_heir; grant {server.user} to ephraim_heir".encode())
        try:
            with pytest.raises(CannotProbe, match=r'heir, role "ephraim_heir": it sees a row'):
                observe(admin, heir)
            admin.execute(f"revoke {server.user} from ephraim_heir".encode())
            assert observe(admin, heir)
        finally:
            admin.execute("drop role ephraim_heir")


def test_a_control_that_allows_nothing_is_found_out(look: Look, url: str, server: Server) -> None:
    """An event trigger of somebody else's takes the grants of every new table away again."""
    look(NOTES)
    with psycopg.connect(make_conninfo(url, user=server.user), autocommit=True) as admin:
        admin.execute("""
            create function public.take() returns event_trigger language plpgsql as $$
            begin
                if to_regclass('pg_temp.ephraim_control') is not null then
                    execute 'revoke insert on pg_temp.ephraim_control from public';
                end if;
            end $$;
            create event trigger take on ddl_command_end when tag in ('CREATE POLICY', 'GRANT')
            execute function public.take();
        """)
    with pytest.raises(CannotProbe, match="lets it add a row, and it cannot"):
        look()
