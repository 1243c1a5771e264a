"""Send an attack and say what is wrong with what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import psycopg
from tests.rest.attacks.corpus import Attack, Request, named
from tests.rest.attacks.forging import forge
from tests.rest.conftest import TABLES, Api

Owner = psycopg.Connection[dict[str, Any]]
_OTHERWISE_SO = {"date", "content-length", "content-location", "location"}

_OF_OURS = "in ('public'::regnamespace, 'private'::regnamespace, 'auth'::regnamespace)"

# Every row, account, grant and policy.
_EVERYTHING = (
    "select concat_ws(' '"
    + "".join(
        f", (select md5(string_agg(t::text, ',' order by t::text)) from {source} as t)"
        for source in (
            *TABLES,
            "auth.users",
            f"(select relname, relacl, relrowsecurity from pg_class where relnamespace {_OF_OURS})",
            f"(select proname, proacl, prosrc from pg_proc where pronamespace {_OF_OURS})",
            "(select attrelid, attnum, attacl from pg_attribute where attacl is not null)",
            "pg_policy",
        )
    )
    + ") as everything"
)


_seen: WeakKeyDictionary[Owner, tuple[object, object]] = WeakKeyDictionary()


def everything(owner: Owner) -> object:
    """Return what the database holds, such that any change shows.

    It is looked at anew where a transaction has written since, which takes the next number.
    """
    next_number = owner.execute("select pg_snapshot_xmax(pg_current_snapshot())").fetchone()
    if owner not in _seen or _seen[owner][0] != next_number:
        _seen[owner] = next_number, owner.execute(_EVERYTHING.encode()).fetchone()
    return _seen[owner][1]


def send(api: Api, request: Request, guess: str = "") -> httpx.Response:
    """Send it as its persona, with what the attack changes about that."""
    token = api.token(request.persona)
    if request.token is not None:
        token = forge(api, request.persona, _named(request.token))
    headers = {
        "apikey": api.key(request.persona) if request.key is None else request.key,
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
    }
    pairs = [(name, value) for name, value in headers.items() if value]
    for name, values in request.headers.items():
        pairs = [(n, v) for n, v in pairs if n != name.lower()]
        pairs += [(name, named(v)) for v in ([values] if isinstance(values, str) else values)]
    path = named(request.ask, guess).split(" ", 1)[1]
    body = None if request.body is None else named(request.body, guess)
    url = f"{api.local.api_url}/rest/v1/{path}"
    return api.pool.request(request.method, url, headers=pairs, content=body)


def _named(recipe: Any) -> Any:
    if isinstance(recipe, Mapping):
        return {name: _named(value) for name, value in recipe.items()}
    if isinstance(recipe, list):
        return [_named(value) for value in recipe]
    return named(recipe) if isinstance(recipe, str) else recipe


def flaw_of(attack: Attack, api: Api, owner: Owner, canaries: frozenset[str]) -> str | None:
    """Send `attack`; return what is wrong with the answer or in the database, None if nothing."""
    before = everything(owner)
    guesses = attack.request.guesses
    answers = [send(api, attack.request, guess) for guess in guesses]
    if everything(owner) != before:
        return "the database was changed"
    if len({alike(answer, guess) for answer, guess in zip(answers, guesses, strict=True)}) > 1:
        return f"a right guess shows: {[answer.text for answer in answers]}"
    sent = named(f"{attack.request.ask} {attack.request.body}", guesses[0])
    for value in leaked(answers[0], canaries, sent):
        return f"{value} was answered"
    told = as_told(answers[0])
    if not told.startswith(attack.answer):
        return f"answered {told}: {answers[0].text[:300]}"
    counted = answers[0].headers.get("content-range", "")
    if attack.range not in (None, counted):
        return f"counted {counted}"
    return None


def flaw_of_control(attack: Attack, api: Api, canaries: frozenset[str]) -> str | None:
    """Send what `attack` could have been and say why that shows nothing, None if it does."""
    control = attack.control
    answers = [send(api, control, guess) for guess in control.guesses]
    if len(answers) > 1:
        told = {alike(*one) for one in zip(answers, control.guesses, strict=True)}
        return None if len(told) > 1 else f"a right guess does not show: {told}"
    answer = answers[0]
    if not answer.is_success:
        return f"the control was answered {answer.status_code}: {answer.text[:300]}"
    if control.method in ("HEAD", "OPTIONS") or control.writes:
        return None
    if answer.text in ("", "[]"):
        return "the control was answered nothing"
    same = control.ask == attack.request.ask and control.persona != attack.request.persona
    if same and control.method == "GET" and not leaked(answer, canaries, ""):
        return f"the control holds nothing that the attacker must not see: {answer.text[:300]}"
    return None


def leaked(answer: httpx.Response, canaries: frozenset[str], sent: str) -> list[str]:
    """Return the canaries in the answer that the request did not name itself."""
    told = f"{answer.reason_phrase} {answer.headers} {answer.text}"
    return [value for value in canaries if value in told and value not in sent]


def alike(answer: httpx.Response, guess: str) -> tuple[object, ...]:
    """Return the answer without what may differ: the time, and the guess where it is repeated."""
    headers = {k: v for k, v in answer.headers.items() if k not in _OTHERWISE_SO}
    guessed = named(guess)
    text = answer.text.replace(guessed, "?") if guessed else answer.text
    return answer.status_code, str(headers), text


def as_told(answer: httpx.Response) -> str:
    """Return the answer as attacks name it: `200 []`, `200 own`, `403 42501`, `204`."""
    if not answer.content:
        return str(answer.status_code)
    if answer.is_success:
        return f"{answer.status_code} {'[]' if answer.text == '[]' else 'own'}"
    try:
        return f"{answer.status_code} {answer.json().get('code', '')}".strip()
    except ValueError:
        return str(answer.status_code)
