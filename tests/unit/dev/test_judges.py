"""What judges the product takes no truth from it: stand-ins and facts do not import the tables that they judge."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TABLES = {
    "powercap_operator.sources.entsoe.document": {"EIC_CODES"},
    "powercap_operator.sources.entsoe.emission_factors": None,
    "powercap_operator.sources.energy_charts_grid": {"COUNTRIES", "PATHS"},
    "powercap_operator.sources.energy_charts": None,
    "powercap_operator.sources.epex.names": None,
    "powercap_operator.sources.epex.heading": None,
    "powercap_operator.sources.epex.table": None,
    "powercap_operator.market.delivery_day": None,
    "powercap_operator.market.results": {"covered_starts"},
    "powercap_operator.strategies": None,
    "powercap_api.markets": {"BIDDING_ZONES", "OFFERS", "MARKET_TIME"},
    "powercap_agent.options": None,
    "powercap_agent.planning.meaning": None,
}
"""Modules with tables, and which of their names are; None: all that they have."""
JUDGES = sorted([*(ROOT / "tests" / "support").glob("*.py"), *(ROOT / "dev" / "lab").rglob("*.py")])
ALLOWED = {
    # A stage plays what a person's saved page holds; it judges nothing.
    ("results.py", "powercap_operator.sources.epex.names"),
    ("results.py", "powercap_operator.market.delivery_day"),
    ("results.py", "powercap_api.markets"),
}


def imported(file: Path) -> list[tuple[str, str]]:
    """Modules, and the names that are taken from them."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found += [(node.module, one.name) for one in node.names]
        elif isinstance(node, ast.Import):
            found += [(one.name, "*") for one in node.names]
    return found


@pytest.mark.parametrize("file", JUDGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_table_of_the_product_is_a_judges(file: Path) -> None:
    taken = [
        f"{module}.{name}"
        for module, name in imported(file)
        for table, names in TABLES.items()
        if (file.name, table) not in ALLOWED
        and (module == table or (names is None and f"{module}.{name}" == table))
        and (names is None or name in names)
    ]
    assert not taken
    if file.name != "results.py":
        asked = {
            node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)
        }
        assert not asked & {"bidding_zone", "from_hour", "currency"}, "clocks and currencies are literals"


def test_nothing_in_dev_imports_tests() -> None:
    files = sorted((ROOT / "dev").rglob("*.py"))
    assert len(files) > 90
    assert not [
        (file.name, module)
        for file in files
        for module, _ in imported(file)
        if module.split(".")[0] == "tests"
    ]


def test_a_table_that_was_renamed_is_noticed() -> None:
    for module in TABLES:
        bases = [ROOT / folder / Path(*module.split(".")) for folder in ("operator", "agent", "crds")]
        places = [one for base in bases for one in (base.with_suffix(".py"), base / "__init__.py")]
        assert any(place.exists() for place in places), module
