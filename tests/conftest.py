"""What holds for all tests."""

from hypothesis import HealthCheck, settings

from tests.support.skips import pytest_runtest_logreport, pytest_sessionfinish

__all__ = ["pytest_runtest_logreport", "pytest_sessionfinish"]

# A time limit, for one example or for making some, would say how busy the machine is, and nothing of the code.
settings.register_profile("powercap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("powercap")
