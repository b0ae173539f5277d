"""How long the event loop is held up: by one long computation, or because the process does not run at all.

While the loop is held up no lease is renewed, no probe answered and no watch read. A task that only sleeps sees
it: it wakes that much later than it asked for. How much of that was the loop's own processor time tells a long
computation from a busy machine.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

TICK_SECONDS: Final = 0.02
"""A pause is seen to within this."""
BUCKETS_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class LoopPauses:
    """Pauses so far, counted by length; may be read from another thread."""

    longest_seconds: float = 0.0
    """Since the process started."""
    longest_step_seconds: float = 0.0
    """Most processor time that the loop's thread took in one pause."""
    total_seconds: float = 0.0
    count: int = 0
    """Number of looks, most of which found no pause worth a name."""
    _per_bucket: list[int] = field(default_factory=lambda: [0] * len(BUCKETS_SECONDS))

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due, used = loop.time() + TICK_SECONDS, time.thread_time()
            await asyncio.sleep(TICK_SECONDS)
            self.add(max(loop.time() - due, 0.0), time.thread_time() - used)

    def add(self, seconds: float, processor_seconds: float) -> None:
        """Count a pause, in which the loop's thread took so much processor time."""
        self.longest_seconds = max(self.longest_seconds, seconds)
        self.longest_step_seconds = max(self.longest_step_seconds, min(seconds, processor_seconds))
        self.total_seconds += seconds
        self.count += 1
        for index, bound in enumerate(BUCKETS_SECONDS):
            if seconds <= bound:
                self._per_bucket[index] += 1
                return

    def cumulative(self) -> list[tuple[str, float]]:
        """Buckets as Prometheus has them: upper bound and how many were not above it; the last is ``+Inf``."""
        buckets, below = [], 0
        for bound, number in zip(BUCKETS_SECONDS, self._per_bucket, strict=True):
            below += number
            buckets.append((str(bound), float(below)))
        return [*buckets, ("+Inf", float(self.count))]
