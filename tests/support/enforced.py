"""The limits of a desktop and a server of the fake trees, and what a report says of each."""

from powercap_agent.enforce.results import Report
from powercap_api.reasons import ZoneReason

WATT = 1_000_000
TWIN = "intel-rapl-mmio/intel-rapl-mmio:0/long_term"


def reasons(report: Report) -> dict[str, ZoneReason]:
    """The reason of each limit."""
    return {f"{result.zone.path}/{result.constraint}": result.reason for result in report.results}


def message(report: Report, limit: str) -> str:
    """The message of one limit; empty where there is none."""
    (found,) = [r.message for r in report.results if f"{r.zone.path}/{r.constraint}" == limit]
    return found or ""
