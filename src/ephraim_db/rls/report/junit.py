"""The report as JUnit XML: a test case for each finding and each fact, so CI can count and name.

finding, error or warning   failure         fact that is as agreed   passes
finding, info               passes          fact that differs        failure
                                            unproven                 skipped
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from ephraim_db.rls.contract import Fact, in_order, write_fact
from ephraim_db.rls.contract.facts import Access, Actor, Doubt
from ephraim_db.rls.contract.telling import Told
from ephraim_db.rls.findings import Finding
from ephraim_db.rls.report.findings import shown_script
from ephraim_db.rls.report.report import Report

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """Return the document."""
    suites = ElementTree.Element("testsuites", name="ephraim-db rls")
    _suite(suites, "findings", (_of_finding(finding) for finding in report.findings))
    differing = {one.after for told in report.differences or () for one in told.differences}
    cases = [case for told in report.differences or () for case in _of_difference(told)]
    cases += [_of_fact(fact) for fact in in_order(report.facts) if fact not in differing]
    _suite(suites, "facts" if report.differences is None else "contract", cases)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def _suite(suites: ElementTree.Element, name: str, cases: Iterable[ElementTree.Element]) -> None:
    suite = ElementTree.SubElement(suites, "testsuite", name=name)
    suite.extend(cases)
    for key, tag in (("tests", "testcase"), ("failures", ".//failure"), ("skipped", ".//skipped")):
        suite.set(key, str(len(suite.findall(tag))))
    suite.set("errors", "0")


def _of_finding(finding: Finding) -> ElementTree.Element:
    case = _case(f"findings.{finding.rule}", finding.message)
    if finding.severity == "info":
        _add(case, "system-out", f"fix: {finding.fix}\n\n{shown_script(finding)}")
    else:
        _add(case, "failure", f"fix: {finding.fix}\n\n{shown_script(finding)}", finding.message)
    return case


def _of_difference(told: Told) -> Iterable[ElementTree.Element]:
    facts = [one.fact for one in told.differences]
    for sentence in [write_fact(fact) for fact in facts] or [told.message]:
        case = _case(told.relation or "personas", sentence)
        _add(case, "failure", told.message, told.message)
        yield case


def _of_fact(fact: Fact) -> ElementTree.Element:
    case = _case("personas" if isinstance(fact, Actor) else fact.relation, write_fact(fact))
    if isinstance(fact, Doubt):
        _add(case, "skipped", "", f"unproven: {fact.reason}")
    elif isinstance(fact, Access) and fact.result == "unproven":
        _add(case, "skipped", "", "unproven")
    return case


def _case(where: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_clean(where), name=_clean(name))


def _add(case: ElementTree.Element, tag: str, text: str, message: str = "") -> None:
    attributes = {"message": _clean(message)} if message else {}
    ElementTree.SubElement(case, tag, attributes).text = _clean(text) or None


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
