"""The command behind ``make figures``."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dev.figures.curves import CURVES, Curve, draw_day
from dev.figures.example import draw_example
from powercap_cli.draw.figure import FigureError, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[2] / "docs" / "strategies"


def compose(curve: Curve, figure: "Figure") -> None:
    """The rule on the left, the day on the right."""
    height = 4.0 if curve.given else 3.0
    figure.set_size_inches(10, height)
    figure.text(0.075, 1 - 0.28 / height, curve.title, fontsize=14, fontweight="bold", va="center")
    grid = figure.add_gridspec(
        2 if curve.given else 1,
        2,
        width_ratios=(1, 1.5),
        height_ratios=(1.35, 1) if curve.given else (1,),
        left=0.075,
        right=0.965,
        top=1 - 0.55 / height,
        bottom=0.55 / height,
        wspace=0.2,
        hspace=0.2,
    )
    curve.rule(figure.add_subplot(grid[:, 0]))
    cap_axis = figure.add_subplot(grid[0, 1])
    input_axis = figure.add_subplot(grid[1, 1], sharex=cap_axis) if curve.given else None
    if input_axis is not None:
        cap_axis.tick_params(labelbottom=False)
    draw_day(curve, cap_axis, input_axis)


def main() -> int:
    """Draw every figure; the exit code."""
    parser = argparse.ArgumentParser(prog="make figures", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to write them")
    parser.add_argument("--format", choices=("svg", "png"), default="svg")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    figures = {curve.name: partial(compose, curve) for curve in CURVES} | {"day": draw_example}
    for name, draw in figures.items():
        path = arguments.folder / f"{name}.{arguments.format}"
        try:
            save(path, draw)
        except FigureError as error:
            sys.stderr.write(f"make figures: {error}\n")
            return 1
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
