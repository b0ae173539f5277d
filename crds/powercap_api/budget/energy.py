"""How a budget's status tells the energy that its node drew over time."""

from typing import Final

STEP_SECONDS: Final = 900
"""Energy is told for quarters of an hour of the clock: every market's periods are one, two or four of them."""
HISTORY_STEPS: Final = 16
"""Four hours: so long may an operator be away without missing what was drawn in each market period."""
MAX_RUNS: Final = 16
"""Most stretches without a gap that are told."""
