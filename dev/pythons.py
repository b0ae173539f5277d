"""Runs the unit tests on every Python that pyproject.toml names: `make unit-pythons`, or ARGS="3.13 3.14" for some.

Takes the interpreters that are on the PATH or below pyenv's folder, and says which versions it did not find; uv
fetches those where it can reach its download site (`uv python install 3.14`). Each version has an environment of its
own with the pinned dependencies, in build/pythons.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")


def main(wanted: list[str]) -> int:
    """1 where tests failed on a version, 3 where a version was not found."""
    results = {version: _run(version) for version in wanted or supported()}
    for version, result in results.items():
        print(f"Python {version}: {result}")
    if any(result.startswith("failed") for result in results.values()):
        return 1
    return 3 if any(result.startswith("not run") for result in results.values()) else 0


def supported() -> list[str]:
    """The minor versions in pyproject.toml, such as 3.11."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    return [found[1] for line in project["classifiers"] if (found := _CLASSIFIER.fullmatch(line))]


def _run(version: str) -> str:
    found = _uv("python", "find", "--no-python-downloads", "--system", version, quiet=True)
    if found.returncode != 0:
        return f"not run: no python{version} on the PATH, and none of pyenv's"
    folder = _ROOT / "build" / "pythons" / version
    python = folder / "bin" / "python"
    pins = str(_ROOT / "dev" / "requirements.txt")
    for step in (
        ("venv", "--quiet", "--clear", "--python", found.stdout.strip(), str(folder)),
        ("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", pins),
        (
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            "--no-deps",
            "--no-build-isolation",
            "-e",
            str(_ROOT),
        ),
    ):
        if _uv(*step).returncode != 0:
            return f"failed: the environment could not be made (uv {' '.join(step[:2])}, above)"
    exact = subprocess.run([str(python), "-VV"], capture_output=True, text=True, check=True).stdout.split()[1]
    print(f"Python {exact}", flush=True)
    tests = [str(python), "-m", "pytest", "tests/unit", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(tests, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    summary = done.stdout.strip().rpartition("\n")[2]
    return f"{'passed' if done.returncode == 0 else 'failed'} on {exact}: {summary}"


def _uv(*arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    # pyenv's own programs on the PATH refuse every version but the chosen one: the real ones come first.
    path = os.pathsep.join([*map(str, sorted(pyenv.glob("3.*/bin"))), os.environ.get("PATH", os.defpath)])
    return subprocess.run(
        [sys.executable, "-m", "uv", *arguments],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
