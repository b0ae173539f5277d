"""What is too long is named, and what is not is not."""

from pathlib import Path

from dev.sizes import MOST_FUNCTION_LINES, MOST_MODULE_LINES, complaints


def write(root: Path, path: str, text: str = "") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def function(lines: int, head: str = "def f() -> None:") -> str:
    return "\n".join([head, *["    pass"] * (lines - 1)]) + "\n"


def test_what_just_fits_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "agent/a/long.py", function(MOST_FUNCTION_LINES) + "\n" * (MOST_MODULE_LINES - 60))
    write(tmp_path, "agent/a/__init__.py")
    for number in range(30):
        write(tmp_path, f"agent/a/m{number}.py")
    write(tmp_path, "tests/unit/test_many.py", "\n" * 1000)
    assert list(complaints(tmp_path)) == []


def test_functions_and_modules_are_named(tmp_path: Path) -> None:
    write(tmp_path, "dev/one.py", function(61, "async def f() -> None:"))
    write(tmp_path, "operator/two.py", "\n" * 401)
    write(tmp_path, "tests/test_three.py", function(61))
    assert sorted(complaints(tmp_path)) == [
        "dev/one.py:1: f has 61 lines, more than 60: split it",
        "operator/two.py has 401 lines, more than 400: split it",
        "tests/test_three.py:1: f has 61 lines, more than 60: split it",
    ]
