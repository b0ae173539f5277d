"""A budget of requests, for what asks sources."""

from dataclasses import dataclass, field

from powercap_operator.market.errors import RequestBudgetSpent


@dataclass
class Purse:
    """Counts requests, and has only so many."""

    left: int = 100
    spent: list[int] = field(default_factory=list)

    async def spend(self) -> None:
        if len(self.spent) >= self.left:
            raise RequestBudgetSpent("no more requests today")
        self.spent.append(1)
