"""The command behind ``make release`` and the release workflow.

python -m dev.release set VERSION           name a version everywhere, and date it in the changelog
python -m dev.release check [--tag TAG]     hold all files to one version
python -m dev.release base                  the public image that both Dockerfiles stand on
python -m dev.release notes VERSION         what the changelog says of it
python -m dev.release chart-defaults PLACE  let the chart's images default to PLACE/powercap-operator and -agent
python -m dev.release chart-links URL       give the chart its home, sources and icon, and alerts their runbooks
"""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from dev.release.versions import ReleaseError, base_image, check, notes, set_version

ROOT = Path(__file__).parents[2]


def set_chart_images(root: Path, place: str) -> None:
    """Write the images' published names into the chart's values.

    Raises:
        ReleaseError: the values have no empty repositories.
    """
    file = root / "charts" / "powercap" / "values.yaml"
    text = file.read_text()
    for component in ("operator", "agent"):
        pattern = rf'(^{component}:\n  image:\n(?:    #.*\n)*    repository: )""$'
        text, count = re.subn(pattern, rf"\g<1>{place}/powercap-{component}", text, flags=re.MULTILINE)
        if count != 1:
            raise ReleaseError(f"{file} has no empty {component}.image.repository")
    file.write_text(text)


def set_chart_links(root: Path, url: str, version: str) -> None:
    """Write where the repository is into the chart: home, sources, icon, and the address of the alerts' runbooks.

    Raises:
        ReleaseError: a line that is to be replaced is not there.
    """
    raw = f"{url}/raw/v{version}/docs/icon.svg"
    links = f"type: application\nhome: {url}\nsources: [{url}]\nicon: {raw}"
    runbook = f"runbookUrl: {url}/blob/v{version}/docs/operations.md"
    for name, pattern, wanted in (
        ("Chart.yaml", r"^type: application$", links),
        ("values.yaml", r"^(  )runbookUrl: .*$", rf"\g<1>{runbook}"),
    ):
        file = root / "charts" / "powercap" / name
        text, count = re.subn(pattern, wanted, file.read_text(), flags=re.MULTILINE)
        if count != 1:
            raise ReleaseError(f"{file} has {count} lines {pattern!r}, and should have one")
        file.write_text(text)


def main(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("set").add_argument("version")
    commands.add_parser("check").add_argument("--tag")
    commands.add_parser("base")
    commands.add_parser("notes").add_argument("version")
    commands.add_parser("chart-defaults").add_argument("place")
    commands.add_parser("chart-links").add_argument("url")
    options = parser.parse_args(arguments)
    try:
        match options.command:
            case "set":
                set_version(ROOT, options.version, datetime.now(UTC).date())
                print(f"{options.version} is set: read the change, commit it, and tag it v{options.version}")
            case "check":
                print(check(ROOT, options.tag))
            case "base":
                print(base_image(ROOT))
            case "notes":
                print(notes(ROOT, options.version), end="")
            case "chart-links":
                set_chart_links(ROOT, options.url, check(ROOT))
            case _:
                set_chart_images(ROOT, options.place)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
