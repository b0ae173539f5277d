"""``make images`` and ``make images-try``.

python -m dev.images              builds both images and the pause image on CI's base
python -m dev.images try [BASE…]  builds both on other bases and starts them, all bases if none is named
"""

import argparse
import os
import sys
import time

from dev.cluster.progress import say
from dev.images.bases import BASES, DEBIAN, Base
from dev.images.build import build_images
from dev.images.emulation import emulated
from dev.images.trial import start_both
from dev.lab.debian import PreparationError, require_image_programs


def main(arguments: list[str]) -> int:
    """0 if everything was built, and started where that was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.images", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["build", "try"], default="build")
    parser.add_argument("bases", nargs="*", metavar="BASE", help=f"of {', '.join(BASES)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.bases) - BASES.keys():
        parser.error(f"there is no base {', '.join(sorted(unknown))}, only {', '.join(BASES)}")
    try:
        if options.command == "build":
            _build()
        else:
            for name in options.bases or BASES:
                _try(BASES[name])
    except PreparationError as error:
        say(str(error))
        return 1
    return 0


def _build() -> None:
    require_image_programs(say, foreign=False)
    images = build_images(os.environ, say, DEBIAN)
    for image in (images.operator, images.agent, images.pause):
        print(f"{image.reference}  {image.archive}  {image.archive.stat().st_size / 1e6:.0f} MB")


def _try(base: Base) -> None:
    began = time.monotonic()
    require_image_programs(say, foreign=base.foreign)
    if base.foreign:
        with emulated(base.machine, say):
            _build_and_start(base)
    else:
        _build_and_start(base)
    print(f"{base.name}: both built and started in {time.monotonic() - began:.0f} s", flush=True)


def _build_and_start(base: Base) -> None:
    images = build_images(os.environ, say, base)
    for name, started in start_both(images, base, os.environ).items():
        size = getattr(images, name).archive.stat().st_size / 1e6
        print(
            f"{base.name}: {name}, {size:.0f} MB, Python {started.python} at {started.executable} on {started.machine};"
            f" {started.imported} modules imported, {started.left_out} are the command's",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
