"""A watch that failed for good is heard of in kopf's log, in the words of the kopf that is installed."""

import asyncio
import logging
from collections.abc import Iterator

import kopf
import pytest
from kopf._cogs.aiokits import aiotasks
from kopf._core.reactor import orchestration

from powercap_operator.kube.watches import WatchFailures, quiet_settings


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Handlers as they were."""
    logger = logging.getLogger(orchestration.__name__)
    before = list(logger.handlers)
    yield
    logger.handlers = before


def test_the_first_watch_that_fails_is_told() -> None:
    async def fail() -> None:
        raise ValueError("an error event")

    async def story() -> str:
        failures = WatchFailures()
        orchestration.logger.error("Request attempt #1 failed; will retry")
        told = asyncio.create_task(failures.first())
        await asyncio.sleep(0)
        assert not told.done()
        for name in ("watcher for nodes", "watcher for others"):
            with pytest.raises(ValueError, match="an error event"):
                await aiotasks.guard(fail(), name, logger=orchestration.logger)
        return await asyncio.wait_for(told, 10)

    assert asyncio.run(story()) == "Watcher for nodes has failed: an error event"


def test_a_silent_watch_is_given_up_within_75_seconds() -> None:
    settings: kopf.OperatorSettings = quiet_settings()
    assert settings.watching.inactivity_timeout <= 70
