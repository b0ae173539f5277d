"""What is too long is named, and what is not is not."""

from pathlib import Path

from dev.sizes import MOST_FUNCTION_LINES, MOST_MODULE_LINES, MOST_MODULES, complaints


def write(root: Path, path: str, text: str = "") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def function(lines: int, head: str = "def f() -> None:") -> str:
    return "\n".join([head, *["    pass"] * (lines - 1)]) + "\n"


def test_what_just_fits_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "agent/a/long.py", function(MOST_FUNCTION_LINES) + "\n" * (MOST_MODULE_LINES - 60))
    write(tmp_path, "agent/a/__init__.py")
    for number in range(MOST_MODULES - 1):
        write(tmp_path, f"agent/a/m{number}.py")
    write(tmp_path, "tests/unit/test_many.py", "\n" * 1000)
    assert list(complaints(tmp_path)) == []


def test_functions_modules_and_folders_are_named(tmp_path: Path) -> None:
    write(tmp_path, "dev/one.py", function(61, "async def f() -> None:"))
    write(tmp_path, "operator/two.py", "\n" * 301)
    write(tmp_path, "tests/test_three.py", function(61))
    for number in range(14):
        write(tmp_path, f"crds/m{number}.py")
    assert sorted(complaints(tmp_path)) == [
        "crds has 14 modules, more than 13: give some a folder",
        "dev/one.py:1: f has 61 lines, more than 60: split it",
        "operator/two.py has 301 lines, more than 300: split it",
        "tests/test_three.py:1: f has 61 lines, more than 60: split it",
    ]
