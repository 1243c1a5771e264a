"""The whole story in a browser without JavaScript: what each persona sees, does and is refused."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from tests.web.conftest import KNOWN, MOBILE, Open, enter_credential, follow, press, visit

from ephraim_db.web.development import DevelopmentPage


def badges(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".glance .badge").all_inner_texts()]


def check_until_moved(page: Page, text: str) -> None:
    """Press `Check again`, as a person would, until the message has moved on."""
    for _ in range(50):
        if page.get_by_text(text).count():
            return
        follow(page, "Check again")
        page.wait_for_timeout(100)
    expect(page.get_by_text(text)).to_be_visible()


def test_an_admin_saves_a_credential_tests_it_and_sees_it_verified(open_page: Open) -> None:
    page = open_page("admin")
    enter_credential(page)
    expect(page.get_by_role("status").first).to_contain_text("Twilio settings saved")
    assert badges(page)[0] == "Configured"

    page.fill("#to", MOBILE)
    press(page, "Send test")
    check_until_moved(page, f"Delivered to {MOBILE}")
    assert badges(page)[0] == "Verified just now"

    follow(page, "See its history")
    history = page.locator(".history-what").all_inner_texts()
    assert [line.split("\n")[0] for line in history] == ["Written", "Queued", "Sent", "Delivered"]


def test_a_wrong_token_is_told_in_words_with_what_to_do(
    open_page: Open, page: DevelopmentPage
) -> None:
    tab = open_page("admin")
    enter_credential(tab)
    page.twilio.accounts[KNOWN.twilio_account_sid].auth_token = "another"
    tab.fill("#to", MOBILE)
    press(tab, "Send test")
    alert = tab.locator("#test").get_by_role("alert")
    expect(alert).to_contain_text("error 20003")
    expect(alert).to_contain_text("The account SID or the auth token is wrong. Enter both again")
    assert badges(tab)[0] == "Failing"


def test_a_number_that_cannot_receive_sms_is_refused_beside_its_field(open_page: Open) -> None:
    page = open_page("admin")
    enter_credential(page)
    page.fill("#to", "+61 1300 975 707")
    press(page, "Send test")
    expect(page.locator("#to-error")).to_contain_text("13 or 1300 number")
    assert page.input_value("#to") == "+61 1300 975 707"


def test_errors_stand_beside_their_fields_and_in_a_summary_that_leads_there(
    open_page: Open,
) -> None:
    page = open_page("admin")
    page.fill("#twilio_account_sid", "AC123")
    page.fill("#twilio_auth_token", "do-not-echo-me")
    page.fill("#twilio_phone_number", "0491 570 006")
    press(page, "Save")
    assert page.title().startswith("Error: ")
    summary = page.locator("#problems")
    expect(summary).to_have_role("alert")
    expect(summary).to_be_focused()
    expect(page.locator("#twilio_account_sid-error")).to_contain_text("AC and 32 more characters")
    expect(page.locator("#twilio_phone_number-error")).to_contain_text("country code")
    assert page.input_value("#twilio_account_sid") == "AC123"
    assert page.input_value("#twilio_auth_token") == ""
    assert "do-not-echo-me" not in page.content()

    summary.get_by_role("link").first.click()
    expect(page.locator("#twilio_account_sid")).to_be_focused()


def test_a_blank_token_keeps_the_stored_one_and_removing_asks_first(open_page: Open) -> None:
    page = open_page("admin")
    enter_credential(page)
    page.fill("#twilio_phone_number", "+61 491 570 156")
    press(page, "Save")
    assert badges(page)[0] == "Configured"

    follow(page, "Remove token…")
    follow(page, "No, keep it")
    assert badges(page)[0] == "Configured"

    follow(page, "Remove token…")
    press(page, "Remove token")
    expect(page.get_by_role("status").first).to_contain_text("Auth Token removed")
    assert badges(page)[0] == "Not configured"
    assert not page.locator("#test").count()
    assert page.input_value("#twilio_account_sid") == KNOWN.twilio_account_sid


def test_another_account_needs_its_own_token(open_page: Open) -> None:
    page = open_page("admin")
    enter_credential(page)
    page.fill("#twilio_account_sid", "AC" + "1" * 32)
    press(page, "Save")
    expect(page.locator("#twilio_auth_token-error")).to_contain_text("another account")
    visit(page, "/settings/integrations")
    assert page.input_value("#twilio_account_sid") == KNOWN.twilio_account_sid


def test_sms_can_be_paused(open_page: Open) -> None:
    page = open_page("admin")
    page.uncheck("#sms_enabled")
    press(page, "Save")
    expect(page.locator("#sms_enabled")).not_to_be_checked()


def test_an_admin_connects_xero_chooses_an_organisation_and_disconnects(open_page: Open) -> None:
    page = open_page("admin")
    follow(page, "Disconnect…")
    press(page, "Disconnect")
    assert badges(page)[1] == "Not connected"

    page.get_by_text("Xero app credentials").click()
    page.fill("#xero_client_id", KNOWN.xero_client_id)
    page.fill("#xero_client_secret", KNOWN.xero_client_secret)
    press(page, "Save app credentials")
    press(page, "Connect to Xero")
    for box in page.get_by_role("checkbox").all():
        box.check()
    press(page, "Allow access")
    expect(page.get_by_role("group", name="Which Xero organisation")).to_be_visible()
    page.get_by_label("Acacia Holdings").check()
    press(page, "Use this organisation")
    expect(page.get_by_role("status").first).to_contain_text("Connected to Xero")
    facts = page.locator("#xero .facts").inner_text()
    assert "Acacia Holdings" in facts
    assert "Ada Abbott" in facts

    follow(page, "Disconnect…")
    press(page, "Disconnect")
    expect(page.get_by_role("status").first).to_contain_text("Disconnected from Xero")
    assert badges(page)[1] == "Not connected"


def test_saying_no_at_xero_is_told(open_page: Open) -> None:
    page = open_page("admin")
    page.get_by_text("Xero app credentials").click()
    page.fill("#xero_client_id", KNOWN.xero_client_id)
    page.fill("#xero_client_secret", KNOWN.xero_client_secret)
    press(page, "Save app credentials")
    press(page, "Connect to Xero")
    press(page, "Cancel")
    expect(page.get_by_role("alert")).to_contain_text("Access was not allowed in Xero")
    assert badges(page)[1] == "Not connected"


def test_a_member_who_is_no_admin_sees_the_page_read_only_and_why(open_page: Open) -> None:
    for persona, word in (
        ("worker", "a worker"),
        ("coordinator", "a coordinator"),
        ("participant", "a participant"),
    ):
        page = open_page(persona)
        main = page.get_by_role("main")
        expect(main).to_contain_text("Only admins of Acacia Care change these settings")
        expect(main).to_contain_text(word)
        assert not main.locator("input, button, form, select").count()
        assert "AC" in page.locator("#twilio code").inner_text()


def test_another_organizations_admin_sees_their_own_only(open_page: Open) -> None:
    page = open_page("other_admin")
    assert "Acacia" not in page.locator(".top, .frame").all_inner_texts()[0]
    expect(page.get_by_text("Banksia Supports").first).to_be_visible()


def test_the_signed_out_are_led_to_sign_in(open_page: Open) -> None:
    page = open_page(None)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_member_who_left_is_told_so(open_page: Open) -> None:
    page = open_page("inactive")
    expect(page.get_by_role("heading", name="You are not a member")).to_be_visible()


def test_personas_are_switched_in_the_bar(open_page: Open) -> None:
    page = open_page(None)
    page.get_by_label("acting as").select_option("worker")
    press(page, "Switch")
    expect(page.get_by_text("Will Walker")).to_be_visible()
    page.get_by_label("acting as").select_option("signed_out")
    press(page, "Switch")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_ndia_claims_are_explained_and_nothing_is_asked_for(open_page: Open) -> None:
    card = open_page("admin").locator("#ndia")
    expect(card).to_contain_text("myplace provider portal")
    expect(card.get_by_role("link", name=re.compile("invoices"))).to_be_visible()
    assert not card.locator("input").count()


def test_the_whole_form_is_done_with_the_keyboard(open_page: Open) -> None:
    page = open_page("admin")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):  # the three integrations at a glance
        page.keyboard.press("Tab")
    for value in (KNOWN.twilio_account_sid, KNOWN.twilio_auth_token, KNOWN.twilio_phone_number):
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type(value)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Twilio settings saved")
