"""Runs the unit tests on every Python that pyproject.toml names: `make unit-pythons`, or ARGS="3.13 3.14" for some.

Takes the interpreters that are on the PATH or below pyenv's folder; uv fetches those where it can reach its download
site (`uv python install 3.14`). For root on Debian a version that is missing comes from another Debian in a folder of
its own, as for `make images-try`, and the tests run with that as their root. Which versions were not run is said.
Each has an environment of its own with the pinned dependencies, in build/pythons. `make image-python` runs the agent's
tests, its process and TLS among them, on the version that its image ships.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from dev.cluster.locks import cache_folder
from dev.cluster.progress import say
from dev.images.bases import BASES, Base, unpacked
from dev.images.roots import inside
from dev.lab.debian import PreparationError, require_image_programs

_ROOT = Path(__file__).parents[1]
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")
_SHARED = (_ROOT, Path("/dev"), Path("/etc/resolv.conf"), Path("/etc/ssl/certs"))
"""What tests that run within another root see of this machine."""

SHIPPED: Final = "image"
"""Stands for the version in the agent's image."""

Enter = Callable[[list[str]], list[str]]
"""A command as it is run where the interpreter is."""


def main(wanted: list[str]) -> int:
    """1 where tests failed on a version, 3 where a version was not found."""
    tests = "tests/unit"
    if wanted == [SHIPPED]:
        wanted, tests = [shipped()], "tests/unit/agent"
    results = {version: _run(version, tests) for version in wanted or supported()}
    for version, result in results.items():
        print(f"Python {version}: {result}")
    if any(result.startswith("failed") for result in results.values()):
        return 1
    return 3 if any(result.startswith("not run") for result in results.values()) else 0


def supported() -> list[str]:
    """The minor versions in pyproject.toml, such as 3.11."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    return [found[1] for line in project["classifiers"] if (found := _CLASSIFIER.fullmatch(line))]


def shipped() -> str:
    """The minor version on the base that Dockerfile.agent names, such as 3.13."""
    (found,) = re.findall(
        r"^FROM python:(3\.\d+)\S* AS public$", (_ROOT / "Dockerfile.agent").read_text(), re.MULTILINE
    )
    return str(found)


def _run(version: str, tests: str) -> str:
    found = subprocess.run(
        [find_uv_bin(), "python", "find", "--no-python-downloads", "--system", version],
        env={**os.environ, "PATH": _path()},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == 0:
        return _test(version, found.stdout.strip(), lambda command: command, tests)
    base = next((base for base in BASES.values() if base.python == version and not base.foreign), None)
    if base is None:
        return f"not run: no python{version} on the PATH, and none of pyenv's"
    try:
        return _run_within(base, tests)
    except PreparationError as error:
        return f"not run: no python{version} on the PATH, and it cannot be had from Debian: {error}"


def _run_within(base: Base, tests: str) -> str:
    require_image_programs(say, foreign=False)
    with unpacked(base, cache_folder(os.environ) / "images", say) as root:

        def enter(command: list[str]) -> list[str]:
            return inside(root, ["env", f"--chdir={_ROOT}", *command], _SHARED)

        return _test(base.python, f"python{base.python}", enter, tests)


def _test(version: str, interpreter: str, enter: Enter, tests: str) -> str:
    folder = _ROOT / "build" / "pythons" / version
    python = str(folder / "bin" / "python")
    uv = find_uv_bin()
    pins = str(_ROOT / "dev" / "requirements.txt")
    install = [uv, "pip", "install", "--quiet", "--python", python]
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", interpreter, str(folder)],
        [*install, "--require-hashes", "-r", pins],
        [*install, "--no-deps", "--no-build-isolation", "-e", str(_ROOT)],
    ):
        if subprocess.run(enter(command), env={**os.environ, "PATH": _path()}, check=False).returncode != 0:
            return f"failed: the environment could not be made ({' '.join(command)}, above)"
    exact = subprocess.run(enter([python, "-VV"]), capture_output=True, text=True, check=True).stdout.split()[
        1
    ]
    print(f"Python {exact}", flush=True)
    command = [python, "-m", "pytest", tests, "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(enter(command), cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    summary = done.stdout.strip().rpartition("\n")[2]
    return f"{'passed' if done.returncode == 0 else 'failed'} on {exact}: {summary}"


def _path() -> str:
    """pyenv's own programs on the PATH refuse every version but the chosen one: the real ones come first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return os.pathsep.join([*map(str, sorted(pyenv.glob("3.*/bin"))), os.environ.get("PATH", os.defpath)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
