"""The words that specs, conditions and zones use: few, each with one meaning, known to operator and agent alike."""

from enum import StrEnum


class Fallback(StrEnum):
    """What happens when there is no market data left to follow."""

    MIN_POWER = "MinPower"
    HOLD = "Hold"
    RELEASE = "Release"


class Split(StrEnum):
    """How a node's cap is shared over its packages."""

    PROPORTIONAL = "Proportional"
    EVEN = "Even"


class ZoneName(StrEnum):
    """Zones that are capped only where a rule names them."""

    DRAM = "dram"
    PSYS = "psys"
    CORE = "core"
    UNCORE = "uncore"


class DeviceDriver(StrEnum):
    """Interfaces that cap accelerators."""

    AMDGPU = "amdgpu"
    NVIDIA = "nvidia"


class ConditionType(StrEnum):
    """Types of the conditions on the kinds."""

    READY = "Ready"
    APPLIED = "Applied"
    COMPLETE = "Complete"
    MARKET_DATA = "MarketData"
    PRICES_AGREE = "PricesAgree"
    PLAUSIBLE = "Plausible"
    THIN_MARKET = "ThinMarket"
    ACTIVE = "Active"
    ACHIEVED = "Achieved"


class BudgetReason(StrEnum):
    """Reasons of a PowerBudget's conditions, written by the node's agent."""

    APPLIED = "Applied"
    """Every zone reads back what was asked for."""
    CLAMPED = "Clamped"
    """The cap lies outside [floor, original] of the node and was kept within."""
    DRY_RUN = "DryRun"
    """The caps are worked out and reported, nothing is written."""
    SUSPENDED = "Suspended"
    """The policy is suspended: the original limits are in force."""
    HOLDING = "Holding"
    """Past validUntil, the last cap is held as onExpiry says."""
    EXPIRED = "Expired"
    """Past validUntil, onExpiry has been carried out (MinPower or Release)."""
    UNSUPPORTED = "Unsupported"
    """The node has nothing that can be capped."""
    WRITE_FAILED = "WriteFailed"
    """At least one zone does not hold what was asked for; zones say which and why."""
    PARTLY_APPLIED = "PartlyApplied"
    """Some zones hold what was asked for, others do not; zones say which and why."""
    INVALID_SPEC = "InvalidSpec"
    """The spec cannot be read by this version of the agent; the last good one is followed."""
    NO_REFERENCE = "NoReference"
    """A power is a percentage of the node's original limits, which are not known: they are in force."""
    LOWER_BY_OTHER = "LowerByOther"
    """Another manager on the node holds a limit lower than the cap: it is left so."""
    LOW_ORIGINAL = "LowOriginal"
    """The limit found at first is far below what the hardware may draw: something may have set it before."""
    LOWERING = "Lowering"
    """The cap is on its way down to the slot's, by the policy's ramp or dwell."""
    OVERRIDDEN = "Overridden"
    """A PowerOverride gives the node its original limits."""
    LIFTED = "Lifted"
    """The original limits are in force for a while: the node was under too much pressure, or not ready."""
    AGENT_SILENT = "AgentSilent"
    """Said by the operator, beside the status: the agent's report has been due for ten minutes."""
    STOPPED = "Stopped"
    """The agent was ended; the original limits are in force."""
    STATUS_FAILED = "StatusFailed"
    """Limits follow the budget, and the agent failed to tell how: a defect of it."""


class ZoneReason(StrEnum):
    """Result of one constraint of one zone."""

    APPLIED = "Applied"
    CLAMPED = "Clamped"
    FIRMWARE_LOCKED = "FirmwareLocked"
    MASKED = "Masked"
    READ_ONLY = "ReadOnly"
    UNSUPPORTED = "Unsupported"
    DRIFTED = "Drifted"
    MMIO_LOWER = "MmioLower"
    """The package's other interface holds a lower limit, which binds."""
    PSYS_LOWER = "PsysLower"
    """The limit of the whole platform is below that of its packages, and binds."""
    SHORT_TERM_LOWER = "ShortTermLower"
    """short_term holds less than long_term, and may bind."""
    LOWER_BY_OTHER = "LowerByOther"
    """Another manager set the limit lower than was asked for: it is left so."""
    RELEASED = "Released"
    DRY_RUN = "DryRun"
    FAILED = "Failed"
    """Reading or writing failed in a way that may pass (an input/output error); it is tried again."""


class ObjectReason(StrEnum):
    """Reasons of conditions on objects of any kind."""

    UNREADABLE = "Unreadable"
    """This version of the operator cannot read the object, or cannot work with what it says."""


class PolicyReason(StrEnum):
    """Reasons of a PowerPolicy's conditions."""

    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    NO_NODES = "NoNodes"
    OVERRULED = "Overruled"
    NODES_NOT_READY = "NodesNotReady"
    AGENT_SILENT = "AgentSilent"
    """Nothing is known to be wrong, but agents of some nodes do not report."""
    CURRENT = "Current"
    FALLBACK = "Fallback"
    MISSING = "Missing"
    PENDING = "Pending"
    LITTLE_TRADED = "LittleTraded"
    """Volumes are so small that their course is chance."""
    NOT_NEEDED = "NotNeeded"
    """The strategy looks at no market results."""


class OverrideReason(StrEnum):
    """Reasons of a PowerOverride's conditions."""

    PENDING = "Pending"
    """It has not begun."""
    ACTIVE = "Active"
    OVER = "Over"
    """It has ended, and is deleted a day later."""
    ACHIEVED = "Achieved"
    """Every node of it is at or under the limit, or has its original limits."""
    NOT_ACHIEVED = "NotAchieved"
    APPLYING = "Applying"
    """It began less than a minute ago, and not every node has reported its limits yet."""
    NO_NODES = "NoNodes"
    """No node of it has a budget."""
    OVERRULED = "Overruled"
    """It is without effect: a release holds over a limit, or over a release a limit of the grid or of a higher
    priority."""


class ReleaseReason(StrEnum):
    """Why a job that may wait is not, or no longer, put off."""

    WINDOW = "Window"
    """Its cheap hours have begun."""
    NO_SAVING = "NoSaving"
    """No later start saves enough."""
    DEADLINE = "Deadline"
    """It may not wait longer."""
    NO_DATA = "NoData"
    """Results are not known for as long as it runs."""
    NO_POLICY = "NoPolicy"
    """No WaitPolicy is for its namespace."""
    UNREADABLE_POLICY = "UnreadablePolicy"
    """None that is can be worked with."""
    UNREADABLE_JOB = "UnreadableJob"
    """One of its annotations cannot be read."""
    NOT_SUSPENDED = "NotSuspended"
    """It did not wait, as nobody had suspended it."""
    REMOVED = "Removed"
    """powercap was uninstalled, or does not follow jobs any more."""


class WaitReason(StrEnum):
    """Reasons of a WaitPolicy's conditions."""

    ACTIVE = "Active"
    JOBS_OFF = "JobsOff"
    """The operator does not follow jobs."""
    CURRENT = "Current"
    MISSING = "Missing"
    """Results of the time to come are not known: jobs start at once."""


class MarketDayReason(StrEnum):
    """Reasons of a MarketDay's conditions."""

    COMPLETE = "Complete"
    INCOMPLETE = "Incomplete"
    NOT_PUBLISHED = "NotPublished"
    FETCHING = "Fetching"
    REFUSED = "Refused"
    UNREACHABLE = "Unreachable"
    REQUESTS_SPENT = "RequestsSpent"
    INVALID = "Invalid"
    PRICES_AGREE = "PricesAgree"
    """Another source gives the same prices."""
    PRICES_DIFFER = "PricesDiffer"
    """Another source gives other prices for the same market and day."""
    ONE_PRICE = "OnePrice"
    """One price all day."""
    ZERO_VOLUMES = "ZeroVolumes"
    """Nothing was traded all day, it says."""
    SAME_AS_DAY_BEFORE = "SameAsDayBefore"
    """Every value is that of the day before."""
    VOLUMES_OFF = "VolumesOff"
    """The day's volume is a hundred times more or less than that of the days before."""
