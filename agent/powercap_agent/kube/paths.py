"""API paths of PowerBudgets."""

from typing import Final
from urllib.parse import quote

from powercap_api.names import API_VERSION, PLURALS, POWER_BUDGET

BUDGETS_PATH: Final = f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}"


def budget_path(node_name: str) -> str:
    """Path of the node's PowerBudget."""
    return f"{BUDGETS_PATH}/{quote(node_name, safe='')}"
