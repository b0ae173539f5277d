"""What holds for all tests."""

from hypothesis import settings

# A time limit for one example would say how busy the machine is, and nothing of the code.
settings.register_profile("powercap", deadline=None)
settings.load_profile("powercap")
