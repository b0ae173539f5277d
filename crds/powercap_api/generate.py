"""Writes the CRD files from the models: ``python -m powercap_api.generate [--check] [FOLDER]``.

With ``--check`` nothing is written, and the exit code is 1 where a file differs from what would be written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from .marketday import MarketDay
from .powerbudget import PowerBudget
from .poweroverride import PowerOverride
from .powerpolicy import PowerPolicy
from .powerreport import PowerReport
from .schema.crd import custom_resource_definition
from .waitpolicy import WaitPolicy

KINDS = (MarketDay, PowerBudget, PowerOverride, PowerPolicy, PowerReport, WaitPolicy)
HEADER = "# Generated from crds/powercap_api by `make crds`. Do not edit.\n"


class _Plain(yaml.SafeDumper):
    """Writes shared values out in full: the API server knows anchors, people reading a diff do not like them."""

    def ignore_aliases(self, _data: object) -> bool:
        """Never an anchor."""
        return True


def render() -> dict[str, str]:
    """File name to text, for every kind."""
    return {
        f"{kind.kind_spec.plural}.yaml": HEADER
        + yaml.dump(
            custom_resource_definition(kind, kind.kind_spec),
            Dumper=_Plain,
            sort_keys=False,
            width=110,
            allow_unicode=True,
        )
        for kind in KINDS
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the files; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m powercap_api.generate", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("crds"))
    parser.add_argument("--check", action="store_true", help="only say which files are out of date")
    arguments = parser.parse_args(argv)
    stale = []
    for name, text in render().items():
        path: Path = arguments.folder / name
        if arguments.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path))
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}: run `make crds` and commit the result\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
