"""Whatever is given for a URL, the error says what to write and does not repeat the password."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.profiles import tried

from ephraim_db.cli.connecting import CannotRun, connect
from ephraim_db.errors import InvalidInput, PostgresError
from ephraim_db.postgres.existing import existing_server
from ephraim_db.sms.callbacks import CallbackUrl

PASSWORD = "hunter2-hunter2"
# Nobody listens on port 1, and none of the names can be looked up.
hosts = st.sampled_from(
    ["127.0.0.1", "127.0.0.1:1", "[::1", "[::1]:1", "a..b", "é" * 70, "127.0.0.1:x"]
)
words = st.text(st.characters(exclude_characters="/?#@:"), max_size=8)
options = st.sampled_from(
    ["", "?port=1", "?x=y", "?sslmode=bad", "?options=%zz", "?port=99999", "?\0"]
)
urls = st.builds(
    lambda user, more, host, name, option: (
        f"postgresql://{user}:{PASSWORD}{more}@{host}/{name}{option or '?port=1'}"
    ),
    words,
    words,
    hosts,
    words,
    options,
)


@tried(60, long=2000)
@example(f"postgresql://u:{PASSWORD}\udcff@127.0.0.1:1/x")
@example(f"postgresql://u:{PASSWORD}@a..b/x")
@given(urls)
def test_a_database_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(CannotRun) as commands:
        connect(url, connect_timeout=2)
    with pytest.raises((InvalidInput, PostgresError)) as plugin:
        existing_server(url)
    assert PASSWORD not in f"{commands.value.message} {plugin.value}"


@tried(100, long=5000)
@example("https://sms.example.org/#")
@example("https://sms.example.org/\n")
@given(
    st.text(max_size=30) | st.text(max_size=20).map(lambda rest: f"https://sms.example.org{rest}")
)
def test_a_callback_url_is_one_that_can_be_signed_or_refused(text: str) -> None:
    try:
        url = CallbackUrl(text).of(UUID(int=1), UUID(int=2))
    except InvalidInput:
        return
    assert url.isprintable()
    assert not set(" #") & set(url)
    query = url.partition("?")[2]
    assert CallbackUrl(text).asked(query) == url
