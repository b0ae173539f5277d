"""How much a test tries: little in ``make test``, more in ``make long``, which sets ``POWERCAP_LONG``."""

import os
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import settings

LONG: Final = os.environ.get("POWERCAP_LONG") == "1"


def examples(few: int, many: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a property: ``few`` examples in ``make test``; ``make long`` runs it again with ``many``."""

    def marked(test: Callable[..., Any]) -> Callable[..., Any]:
        longer: Callable[..., Any] = pytest.mark.longer(
            settings(max_examples=many if LONG else few, deadline=None)(test)
        )
        return longer

    return marked
