"""A list that the API server gives page by page, put together."""

from collections.abc import AsyncIterator
from typing import Any


async def whole_list(
    pages: AsyncIterator[tuple[list[dict[str, Any]], str]],
) -> tuple[list[dict[str, Any]], str]:
    """All items, and the resource version of the list."""
    items: list[dict[str, Any]] = []
    last_version = "0"
    async for page, version in pages:
        items.extend(page)
        last_version = version
    return items, last_version
