"""What the observed matrix shows that should worry somebody, each with SQL that shows it again."""

from ephraim_db.rls.findings.finding import Finding, Severity, at_least, worst_first

__all__ = ["Finding", "Severity", "at_least", "worst_first"]
