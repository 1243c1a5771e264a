"""A bad value is refused by name before anything is sent, and never repeated."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ephraim_db import CLEAR, InvalidInput, SmsStatus, inputs
from ephraim_db.sealing.envelope import MAX_SECRET_BYTES

Check = Callable[[str, object], object]

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.binary(), st.text(), st.datetimes(), st.just(CLEAR)
)


def refused(check: Check, value: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        check("the_field", value)
    assert caught.value.field == "the_field"
    assert str(caught.value).startswith("the_field: ")
    return str(caught.value)


@given(st.from_regex(r"AC[0-9a-fA-F]{32}", fullmatch=True))
def test_an_account_sid_passes_unchanged(sid: str) -> None:
    assert inputs.account_sid("f", sid) == sid


@pytest.mark.parametrize(
    "sid",
    [
        "",
        "AC",
        "ac" + "0" * 32,
        "SM" + "0" * 32,
        "AC" + "0" * 31,
        "AC" + "0" * 33,
        "AC" + "g" * 32,
        "AC" + "0" * 32 + "\n",
        " AC" + "0" * 32,
        "AC" + "\u0661" * 32,  # digits, but Arabic ones
        b"AC" + b"0" * 32,
        None,
    ],
)
def test_a_malformed_account_sid_is_refused(sid: object) -> None:
    refused(inputs.account_sid, sid)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_phone_in_e164_passes_unchanged(phone: str) -> None:
    assert inputs.phone("f", phone) == phone


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "0412345678",
        "61412345678",
        "+0412345678",
        "+61 412 345 678",
        "+614123",
        "+6141234567890123",
        "+61412345678\n",
        "+6141234567\u0668",
        61412345678,
    ],
)
def test_a_malformed_phone_is_refused(phone: object) -> None:
    refused(inputs.phone, phone)


@pytest.mark.parametrize("number", ["51 824 753 556", "51824753556", "53 004 085 616"])
def test_an_abn_of_the_register_passes_as_eleven_digits(number: str) -> None:
    assert inputs.abn("f", number) == number.replace(" ", "")


@pytest.mark.parametrize(
    "number", ["", "5182475355", "518247535566", "51824753557", "01824753556", "abn", 51824753556]
)
def test_what_is_no_abn_is_refused(number: object) -> None:
    refused(inputs.abn, number)


@given(st.integers(0, 10), st.integers(1, 9))
def test_one_mistyped_digit_of_an_abn_is_noticed(at: int, by: int) -> None:
    digits = list("51824753556")
    digits[at] = str((int(digits[at]) + by) % 10)
    refused(inputs.abn, "".join(digits))


@given(st.uuids())
def test_a_uuid_passes_as_one_or_as_text(value: object) -> None:
    assert inputs.uuid("f", value) == inputs.uuid("f", str(value)) == value


@pytest.mark.parametrize("value", ["", "1", "not-a-uuid", 1, None, "eq.1&select=*"])
def test_what_is_no_uuid_is_refused(value: object) -> None:
    refused(inputs.uuid, value)


def test_a_datetime_without_a_time_zone_is_refused() -> None:
    assert "time zone" in refused(inputs.moment, datetime(2026, 1, 27))
    assert "time zone" in refused(inputs.moment, "2026-01-27T00:00:00Z")


offsets = st.integers(-839, 839).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets))
def test_a_moment_is_the_same_moment_in_utc(moment: datetime) -> None:
    assert inputs.moment("f", moment) == moment
    assert inputs.moment("f", moment).tzinfo is UTC


def test_a_moment_out_of_range_is_refused() -> None:
    behind = timezone(-timedelta(hours=1))
    assert "out of range" in refused(inputs.moment, datetime.max.replace(tzinfo=behind))


@pytest.mark.parametrize("status", [*SmsStatus, *(str(status) for status in SmsStatus)])
def test_every_status_passes(status: str) -> None:
    assert inputs.one_of("status", status, SmsStatus) is SmsStatus(status)


@pytest.mark.parametrize("status", ["", "Delivered", "delivered,failed", "eq.sent", 1, None, []])
def test_an_unknown_status_is_refused_with_the_known_ones(status: object) -> None:
    message = refused(lambda f, v: inputs.one_of(f, v, SmsStatus), status)
    assert "delivered" in message


@pytest.mark.parametrize("value", [0, 1, "true", "false", None, CLEAR])
def test_only_true_and_false_are_flags(value: object) -> None:
    refused(inputs.flag, value)


@pytest.mark.parametrize("value", [0, 501, -1, True, 1.0, "10", None])
def test_a_page_size_out_of_range_is_refused(value: object) -> None:
    assert "1 to 500" in refused(lambda f, v: inputs.whole_number(f, v, 1, 500), value)


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "nul\0", "\ud800", "x" * 201, 5, CLEAR])
def test_a_line_is_printable_and_not_blank(value: object) -> None:
    refused(inputs.line, value)
    assert inputs.line("f", "  Sunrise Care  ") == "Sunrise Care"


@given(anything)
def test_no_check_lets_a_stranger_through(value: object) -> None:
    checks: list[tuple[Check, str]] = [
        (inputs.account_sid, r"AC[0-9a-fA-F]{32}"),
        (inputs.phone, r"\+[1-9][0-9]{6,14}"),
        (inputs.abn, r"[1-9][0-9]{10}"),
    ]
    for check, pattern in checks:
        with suppress(InvalidInput):
            assert re.fullmatch(pattern, str(check("f", value)))


# secrets ------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_a_secret_is_concealed_and_keeps_its_text(text: str) -> None:
    concealed = inputs.conceal(f" {text}\n")
    assert repr(concealed) == "SecretStr('**********')"
    checked = inputs.secret("f", concealed)
    assert checked is not None
    assert checked.get_secret_value() == text


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_secret_changes_nothing(blank: str) -> None:
    assert inputs.changes([("f", inputs.conceal(blank), inputs.secret)]) == {}


def test_what_is_left_out_stays_and_clear_removes() -> None:
    given = [("a", None, inputs.phone), ("b", CLEAR, inputs.phone), ("c", False, inputs.flag)]
    assert inputs.changes(given) == {"b": None, "c": False}


@pytest.mark.parametrize(
    "flawed",
    [
        "canary\0canary",
        "canary\ud800",
        "canary\ncanary",
        "canary" * MAX_SECRET_BYTES,
        b"canary",
        ["canary"],
    ],
)
def test_a_flawed_secret_is_refused_and_in_no_frame_of_the_traceback(flawed: object) -> None:
    concealed = inputs.conceal(flawed)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput) as caught:
        inputs.secret("twilio_auth_token", concealed)
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in repr(error) + str(error) + repr(error.args)
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename != __file__:
                assert "canary" not in repr(traceback.tb_frame.f_locals)
            traceback = traceback.tb_next
        error = error.__cause__ or error.__context__


def test_a_concealed_secret_passes_as_it_is() -> None:
    secret = SecretStr("token")
    assert inputs.conceal(secret) is secret
    assert inputs.conceal(CLEAR) is CLEAR
    assert inputs.conceal(None) is None


def test_clear_reads_as_it_is_written() -> None:
    assert repr(CLEAR) == "CLEAR"
