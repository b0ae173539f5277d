"""Settings of all unit tests."""

from hypothesis import settings

# A machine that is busy is no reason to fail: bounds of time are those that a test sets itself, in processor seconds.
settings.register_profile("powercap", deadline=None)
settings.load_profile("powercap")
