"""A fact is a sentence on one line, and the sentence is the fact: nothing is lost either way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ephraim_db.rls.contract import Fact, read_fact, write_fact
from ephraim_db.rls.contract.facts import TO, Access, Actor, Doubt, Thing

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SIGNATURES = st.from_regex(r"\A[a-z]\w*\((?:uuid|text\[\]|, | |a\.b)*\)\Z")
SCHEMAS = NAMES.filter(lambda name: "." not in name)
RELATIONS = st.tuples(SCHEMAS, NAMES | SIGNATURES).map(".".join)
COMMANDS = st.sampled_from(
    ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "UPSERT", "EXECUTE", "INSERT RETURNING"]
)
RESULTS = st.sampled_from(
    [
        "own",
        "organization",
        "all",
        "none",
        "hidden",
        "refused_by_policy",
        "unproven",
        "42P17",
        "21000",
    ]
)
REASONS = NAMES.map(lambda text: " ".join(text.split())).filter(bool)
FACTS = st.one_of(
    st.builds(Actor, NAMES, NAMES),
    st.builds(
        Thing, RELATIONS, st.sampled_from(["table", "view", "partitioned", "materialized", "index"])
    ),
    st.builds(Access, NAMES, COMMANDS, RELATIONS, st.just("") | NAMES, RESULTS),
    st.builds(
        Access,
        NAMES,
        st.just("UPDATE TO"),
        RELATIONS,
        st.tuples(NAMES.filter(lambda name: TO not in name), NAMES).map(TO.join),
        RESULTS,
    ),
    st.builds(Doubt, NAMES, COMMANDS, RELATIONS, REASONS),
)


@given(FACTS)
def test_any_fact_survives_its_sentence(fact: Fact) -> None:
    sentence = write_fact(fact)
    assert read_fact(sentence) == fact
    assert sentence.splitlines() == [sentence]
    assert sentence == sentence.strip()


@given(FACTS, FACTS)
def test_two_facts_never_share_a_sentence(one: Fact, other: Fact) -> None:
    assert (write_fact(one) == write_fact(other)) is (one == other)


def test_facts_read_like_sentences() -> None:
    told: dict[Fact, str] = {
        Actor("worker", "authenticated"): "worker acts as authenticated",
        Thing("public.notes", "table"): "public.notes is a table",
        Thing("public.mine", "materialized"): "public.mine is a materialized view",
        Access("ann", "SELECT", "public.notes", "title", "own"): (
            "ann reads public.notes.title of its own rows"
        ),
        Access("ann", "UPDATE", "public.notes", "title", "organization"): (
            "ann updates public.notes.title of its organization"
        ),
        Access("ann", "DELETE", "public.notes", "", "all"): "ann deletes public.notes of all rows",
        Access("ann", "SELECT", "public.notes", "title", "hidden"): (
            "ann reads public.notes.title of no row"
        ),
        Access("ann", "INSERT", "public.notes", "title", "refused_by_policy"): (
            "ann may not insert public.notes.title"
        ),
        Access("ann", "INSERT RETURNING", "public.notes", "title", "own"): (
            "ann inserts-returning public.notes.title of its own rows"
        ),
        Access("ann", "EXECUTE", "public.f(uuid, text)", "", "hidden"): (
            "ann executes public.f(uuid, text) of no row"
        ),
        Access("ann", "EXECUTE", "public.f(uuid)", "changes public.notes", "all"): (
            'ann executes public.f(uuid) which "changes public.notes" of all rows'
        ),
        Access("ann", "UPDATE TO", "public.people", "role = admin", "refused_by_policy"): (
            "ann may not update public.people.role to admin"
        ),
        Access("ann", "NEXTVAL", "public.notes_id_seq", "", "all"): (
            "ann advances public.notes_id_seq of all rows"
        ),
        Access("ann", "SELECT", "public.notes", "title", "42P17"): (
            "ann fails to read public.notes.title: SQLSTATE 42P17"
        ),
        Access("ann", "SELECT", "public.Two Words", "a.b", "all"): (
            'ann reads public."Two Words"."a.b" of all rows'
        ),
        Doubt("ann", "DELETE", "public.notes", "the relation has no row"): (
            "ann perhaps deletes public.notes: the relation has no row"
        ),
    }
    assert [write_fact(fact) for fact in told] == list(told.values())


def test_a_name_cannot_look_like_another_by_what_does_not_print() -> None:
    assert write_fact(Actor("ad\u202emin", "anon")) == r'"ad\u202emin" acts as anon'
