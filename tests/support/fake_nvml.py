"""NVIDIA's management library, as far as the agent calls it, with cards in memory."""
# ruff: noqa: N802 - the functions have the library's own names

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, GPU_IS_LOST = 0, 2, 3, 4, 15


@dataclass
class Card:
    """One card; powers in milliwatts."""

    uuid: str
    limit_mw: int
    lowest_mw: int = 100_000
    highest_mw: int = 400_000
    energy_mj: int = 0
    refuses_with: int = SUCCESS
    """What setting the limit returns, where not success."""


@dataclass
class FakeNvml:
    """The library's functions: pointers are ctypes' ``byref``, results nvmlReturn_t."""

    cards: list[Card] = field(default_factory=list)
    init_result: int = SUCCESS
    before_call: Callable[[], object] = lambda: None
    """Called before a card's limit is read or set."""

    def nvmlInit_v2(self) -> int:
        """Begin."""
        return self.init_result

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        """Number of cards."""
        count._obj.value = len(self.cards)
        return SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        """A handle is the index and one more, as 0 is the null pointer."""
        handle._obj.value = index + 1
        return SUCCESS

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, size: int) -> int:
        """Identity of a card."""
        text.value = self._card(handle).uuid.encode()[: size - 1]
        return SUCCESS

    def nvmlDeviceGetName(self, handle: Any, text: Any, size: int) -> int:
        """Product name."""
        self._card(handle)
        text.value = b"NVIDIA A100"[: size - 1]
        return SUCCESS

    def nvmlDeviceGetPowerManagementLimit(self, handle: Any, limit: Any) -> int:
        """The limit in force."""
        self.before_call()
        limit._obj.value = self._card(handle).limit_mw
        return SUCCESS if limit._obj.value else NOT_SUPPORTED

    def nvmlDeviceGetPowerManagementLimitConstraints(self, handle: Any, lowest: Any, highest: Any) -> int:
        """The card's own bounds."""
        card = self._card(handle)
        lowest._obj.value, highest._obj.value = card.lowest_mw, card.highest_mw
        return SUCCESS

    def nvmlDeviceSetPowerManagementLimit(self, handle: Any, limit: Any) -> int:
        """Set the limit, within the bounds."""
        self.before_call()
        card = self._card(handle)
        if card.refuses_with:
            return card.refuses_with
        if not card.lowest_mw <= limit.value <= card.highest_mw:
            return INVALID_ARGUMENT
        card.limit_mw = limit.value
        return SUCCESS

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, energy: Any) -> int:
        """Energy since the driver was loaded, in millijoules."""
        energy._obj.value = self._card(handle).energy_mj
        return SUCCESS

    def _card(self, handle: Any) -> Card:
        index: int = handle.value - 1
        return self.cards[index]
