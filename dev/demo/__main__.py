"""The command behind ``make demo``."""

import argparse
import os
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.errors import ClusterError
from dev.demo.acts import NODES, Demo, DemoFailedError
from dev.demo.preview import preview
from dev.demo.screen import Screen
from dev.lab.results import PageError, results_of_page
from dev.lab.stage import Stage, StageError, quoted_logs


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; 0 if everything it shows was so."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="serve this saved results page's table as today's"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen()
    try:
        page = results_of_page(arguments.page) if arguments.page else None
        preview(screen, page, datetime.now(UTC))
        binaries = locate(os.environ, screen.progress, least=True)
        with (
            tempfile.TemporaryDirectory(prefix="powercap-demo-") as folder,
            Stage(
                Path(folder),
                ControlPlane(binaries, Path(folder) / "control-plane", say=screen.progress),
                NODES,
            ) as stage,
            quoted_logs(stage),
        ):
            Demo(stage, screen, page).play(keep=arguments.keep)
    except PageError as error:
        screen.bad(f"cannot serve {arguments.page}: {error}")
        return 2
    except (DemoFailedError, StageError, ClusterError) as error:
        screen.bad("\n".join([str(error), *getattr(error, "__notes__", ())]))
        return 1
    except KeyboardInterrupt:
        screen.say("interrupted; everything was ended")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
