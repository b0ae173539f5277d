"""Objects that the API server takes, and objects that it refuses, with the words of each refusal.

One table for all who judge an object: the API server, the command, which has its rules without a server, and the chart,
which sees a policy before there is a server.
"""

import json
from typing import Any, Final

from powercap_api.names import API_VERSION

CSV: Final = "Period,Volume (MWh),Price (€/MWh)\n00:00-00:15,68.2,95.69\n"
NIGHT: Final = {"start": "22:00", "end": "06:00", "power": "40"}
PEAK: Final = {"days": ["Mon"], "start": "17:00", "end": "21:00", "fees": "45"}
SEGMENT: Final = {"start": "2025-10-08T22:00:00Z", "stepSeconds": 900, "shares": "100 63.09"}
Body = dict[str, Any]


def _made(kind: str, name: str, spec: Body) -> Body:
    """An object; what is None is not said."""
    said = {key: value for key, value in spec.items() if value is not None}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": said}


def policy(name: str = "test", **spec: Any) -> Body:
    """A policy of 40 W, but for what is given."""
    return _made("PowerPolicy", name, {"maxSource": "40"} | spec)


def market_day(**spec: Any) -> Body:
    """A MarketDay of 9 October 2025."""
    return _made("MarketDay", "a-day", {"deliveryDate": "2025-10-09"} | spec)


def budget(**spec: Any) -> Body:
    """A budget of a node."""
    usual = {
        "policy": "test",
        "maxSourceMicrowatts": 40_000_000,
        "minPowerMicrowatts": 10_000_000,
        "validUntil": "2025-10-09T22:00:00Z",
        "schedule": [SEGMENT],
    }
    return _made("PowerBudget", "a-node", usual | spec)


def override(name: str = "evening", **spec: Any) -> Body:
    """60 W on every node for two hours from now, but for what is given."""
    usual = {"duration": "2h", "nodeSelector": {}, "limit": "60", "reason": "the grid asks"}
    return _made("PowerOverride", name, usual | spec)


def id_of(value: Body | str) -> str:
    """A case's name in a report: its kind and spec, or the words."""
    return value if isinstance(value, str) else f"{value['kind']} {json.dumps(value.get('spec'))[:60]}"


def schedule(**window: Any) -> Body:
    """A strategy Schedule of one window."""
    return {"type": "Schedule", "windows": [{**NIGHT, **window}]}


TAKEN: Final[list[Body]] = [
    policy(maxSource=100, minPower=40, strategy=schedule(power=40)),
    policy(maxSource=100, strategy={"type": "Fixed", "power": 40}),
    policy(market={"area": None}),
    policy(strategy={"type": "Fixed", "power": None}),
    policy(maxSource=40),
    policy(maxSource="40000000u", minPower="10000000u"),
    policy(maxSource="0.14k", nodeSelector={"node-role.kubernetes.io/worker": "", "zone": "a"}),
    policy(maxSource="40", minPower=40),
    policy(maxSource="80%"),
    policy(maxSource="80%", minPower="80%"),
    policy(maxSource="100%", minPower="9%", strategy={"type": "Fixed", "power": "10%"}),
    policy(maxSource="40", minPower="50%"),
    policy(maxSource="40", market={"providers": ["ENTSOE"], "auction": "SDAC"}, strategy={"type": "Price"}),
    policy(maxSource="40", market={"providers": ["EnergyCharts"]}, strategy={"type": "Solar"}),
    policy(maxSource="40", market={"providers": ["EnergyCharts", "Static"]}),
    policy(
        maxSource="80%",
        strategy={
            "type": "Schedule",
            "windows": [{"start": "22:00", "end": "06:00", "power": "80%"}],
            "otherwise": {"type": "Fixed", "power": "9%"},
        },
    ),
    policy(strategy={}),
    policy(strategy={"type": "Volume", "reference": "Average"}),
    policy(strategy={"type": "Solar"}),
    policy(strategy={"type": "Solar", "alpha": 2}),
    policy(strategy={"type": "Price"}),
    policy(strategy={"type": "Price", "lowPrice": "-10.5", "highPrice": "90"}),
    policy(strategy={"type": "Price", "lowPrice": -20, "highPrice": 90}),
    policy(strategy={"type": "Price", "lowPrice": -20, "highPrice": "90.5"}),
    policy(strategy={"type": "Carbon", "lowCarbon": 40, "highCarbon": 300}),
    policy(strategy={"type": "Renewable", "lowRenewable": 20, "highRenewable": 80}),
    policy(
        strategy={
            "type": "Schedule",
            "windows": [NIGHT],
            "otherwise": {"type": "Price", "lowPrice": 20, "highPrice": 90},
        }
    ),
    policy(tariff={"priceFactor": 0, "fees": 30, "taxFactor": 2, "windows": [{**PEAK, "fees": -45}] * 32}),
    policy(strategy={"type": "Price", "lowPercentile": 0}),
    policy(strategy={"type": "Price", "highPercentile": 100}),
    policy(strategy={"type": "Fixed"}),
    policy(strategy={"type": "Fixed", "power": 40}),
    policy(strategy={"type": "Fixed", "power": "35000m"}),
    policy(strategy={"type": "Schedule", "windows": [NIGHT]}),
    policy(
        strategy={"type": "Schedule", "windows": [{**NIGHT, "days": ["Mon", "Sun"], "end": "24:00"}] * 32}
    ),
    policy(
        strategy={"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "Price", "lowPercentile": 20}}
    ),
    policy(strategy={"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "Fixed", "power": "20"}}),
    policy(strategy={"type": "CheapestHours"}),
    policy(
        strategy={
            "type": "CheapestHours",
            "hours": 24,
            "contiguous": True,
            "within": {"start": "12:00", "end": "12:00"},
        }
    ),
    policy(
        strategy={"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "CheapestHours", "hours": 6}}
    ),
    policy(tariff={}),
    policy(tariff={"priceFactor": "1.03", "fees": "38.5", "windows": [PEAK] * 32, "taxFactor": "1.2"}),
    policy(tariff={"priceFactor": "0", "fees": "-3", "taxFactor": "0.90"}),
    policy(market={"carbonProviders": ["EnergyCharts", "ENTSOE"]}),
    policy(market={"area": "CH"}),
    policy(market={"area": "GB"}),
    market_day(area="CH"),
    market_day(area="GB"),
    market_day(area="FR"),
    market_day(provider="EnergyCharts", auction="Carbon"),
    market_day(provider="Static", csv=CSV),
    budget(),
    budget(maxSourceMicrowatts=None, maxSourcePercent=80),
    override(),
    override(limit=60),
    override(limit="50%"),
    override(limit="60000000u"),
    override(limit=None, release=True),
    override(nodeSelector=None, nodes=["node-a", "node-b.example.org"]),
    override(start="2025-10-09T17:00:00Z", end="2025-10-09T19:00:00Z", duration=None),
    override(duration="1h30m", source="grid", priority=-5),
]
REFUSED: Final[list[tuple[Body, str]]] = [
    ({**policy(), "spec": None}, "spec: Required value"),
    ({**policy(), "specs": {}}, 'unknown field "specs"'),
    (policy(maxSource=True), "maxSource"),
    (policy(maxSource="1e999999999"), "must be a power in watts"),
    (policy(minPower="1E-999999999"), "must be a power in watts"),
    (override(limit="1e+999999999"), "must be a power in watts"),
    (policy(strategy={"type": "Fixed", "power": "1e999999999"}), "must be a power in watts"),
    (policy(hardware={"zones": [{"zone": "dram", "cap": "1e999999999"}]}), "must be a power in watts"),
    (policy(maxSource=2**70), "maxSource"),
    (policy(priority="3"), "priority"),
    (policy(nodeSelector={"zone": 1}), "nodeSelector.zone"),
    (policy(market=[]), "spec.market"),
    (policy("No Name"), "a lowercase RFC 1123 subdomain must consist of"),
    (override(start="2025-10-09 17:00"), "spec.start"),
    (override(start="1999-10-09T17:00:00Z"), "a time must be from 2000 to 2200"),
    (policy(maxSource=40000000), 'write "40" for 40 W; a number of microwatts takes the suffix u'),
    (policy(maxSource="-40"), "must be at least 1 W"),
    (policy(maxSource="0"), "set suspend: true instead"),
    (policy(maxSource="forty"), 'must be a power in watts, such as "40" or 40000000u'),
    (policy(maxSource="40W"), 'must be a power in watts, such as "40" or 40000000u'),
    (policy(maxSource=40.5), 'spec.maxSource in body must be of type integer,string: "number"'),
    (
        policy(maxSource="180%"),
        'a percentage is a whole number from 1 to 100 and the sign, such as "80%"',
    ),
    (policy(maxSource="0%"), "a percentage is a whole number from 1 to 100"),
    (policy(maxSource="12.5%"), "a percentage is a whole number from 1 to 100"),
    (policy(maxSource="80 %"), "a percentage is a whole number from 1 to 100"),
    (policy(maxSource="%"), "a percentage is a whole number from 1 to 100"),
    (policy(maxSource="half"), 'or 40000000u, or a percentage, such as "80%"'),
    (policy(maxSource="9%", minPower="10%"), "minPower must not be above maxSource"),
    (
        policy(maxSource="80%", strategy={"type": "Fixed", "power": "90%"}),
        "must not be above maxSource",
    ),
    (
        policy(maxSource="80%", strategy={"type": "Fixed", "power": "90"}),
        'such as maxSource: "80%" and power: "40%"',
    ),
    (
        policy(maxSource="80", strategy={"type": "Fixed", "power": "9%"}),
        "in watts where maxSource is",
    ),
    (
        policy(
            maxSource="80%",
            strategy={
                "type": "Schedule",
                "windows": [{"start": "22:00", "end": "06:00", "power": "9"}],
            },
        ),
        "the power of a window must be in watts where maxSource is in watts, and a percentage where",
    ),
    (
        policy(
            maxSource="80%",
            strategy={
                "type": "Schedule",
                "windows": [{"start": "22:00", "end": "06:00", "power": "101%"}],
            },
        ),
        "a percentage is a whole number from 1 to 100",
    ),
    (policy(maxSource="40", minPower="50"), "minPower must not be above maxSource"),
    (policy(market={"area": "XX"}), 'Unsupported value: "XX": supported values: "AT", "BE"'),
    (
        policy(market={"auction": "IDA9"}),
        'Unsupported value: "IDA9": supported values: "SDAC", "IDA1"',
    ),
    (policy(market={"resolutionMinutes": 5}), "supported values: "),
    (policy(strategy={"type": "Magic"}), 'Unsupported value: "Magic"'),
    (policy(market={"area": "GB", "resolutionMinutes": 15}), "write resolutionMinutes: 30"),
    (policy(market={"area": "GB", "resolutionMinutes": 60}), "write resolutionMinutes: 30"),
    (policy(market={"area": "CH", "resolutionMinutes": 15}), "write resolutionMinutes: 60"),
    (policy(market={"area": "FR", "auction": "SDAC", "resolutionMinutes": 30}), "15 or 60"),
    (policy(market={"area": "CH", "auction": "IDA3"}), "write auction: IDA1 or IDA2"),
    (policy(market={"providers": ["EnergyCharts"]}), "none of these sources has volumes"),
    (
        policy(
            market={"providers": ["ENTSOE", "EnergyCharts"]},
            strategy={
                "type": "Schedule",
                "windows": [{"start": "22:00", "end": "06:00", "power": "40"}],
            },
        ),
        "none of these sources has volumes",
    ),
    (policy(market={"providers": ["ENTSOE"]}, strategy={"type": "Price"}), "write auction: SDAC"),
    (
        policy(
            market={
                "providers": ["ENTSOE"],
                "area": "GB",
                "auction": "SDAC",
                "resolutionMinutes": 60,
            },
            strategy={"type": "Price"},
        ),
        "GB is not coupled",
    ),
    (policy(nodeSelector="worker"), "nodeSelector"),
    (policy(nodeSelector={"no such key!": "x"}), "every key must be a label key"),
    (policy(nodeSelector={"zone": "not/a/value"}), "every value must be a label value"),
    (policy(hardware={"zones": [{"zone": "dram"}]}), "give either sharePercent"),
    (
        policy(hardware={"zones": [{"zone": "dram", "cap": "20", "sharePercent": 5}]}),
        "give either sharePercent",
    ),
    (policy(hardware={"zones": [{"zone": "disk", "cap": "20"}]}), 'Unsupported value: "disk"'),
    (policy(hardware={"devices": [{"driver": "nvidia", "cap": 250000000}]}), "takes the suffix u"),
    (policy(stabilisationSeconds=0), "should be greater than or equal to 1"),
    (policy(fallback={"previousDays": 30}), "should be less than or equal to 7"),
    (policy(maxPower="40"), 'unknown field "spec.maxPower"'),
    (policy(maxSource=None), "spec.maxSource: Required value"),
    (policy("a" * 64), "at most 63 characters"),
    (policy(strategy={"alpha": 4}), "alpha belongs to strategy Solar: remove alpha, or write type: Solar"),
    (policy(strategy={"type": "Solar", "reference": "Max"}), "reference belongs to strategy Volume"),
    (policy(strategy={"type": "Solar", "alpha": 0}), "should be greater than or equal to 1"),
    (
        policy(strategy={"type": "Fixed", "lowPrice": "1", "highPrice": "2"}),
        "lowPrice belongs to strategy Price",
    ),
    (policy(strategy={"type": "Price", "power": "30"}), "power belongs to strategy Fixed"),
    (policy(strategy={"type": "Price", "lowPrice": "20"}), "lowPrice and highPrice go together"),
    (
        policy(strategy={"type": "Price", "lowPrice": "90", "highPrice": "20"}),
        "lowPrice must be below highPrice",
    ),
    (
        policy(strategy={"type": "Price", "lowPrice": "9", "highPrice": "9.0"}),
        "lowPrice must be below highPrice",
    ),
    (policy(strategy={"type": "Price", "lowPrice": "cheap", "highPrice": "9"}), "lowPrice"),
    (
        policy(strategy={"type": "Price", "lowPrice": 90, "highPrice": "20"}),
        "lowPrice must be below highPrice",
    ),
    (
        policy(strategy={"type": "Price", "lowPrice": 20.5, "highPrice": 90}),
        'must be of type integer,string: "number"',
    ),
    (
        policy(strategy={"type": "Price", "lowPrice": 1_000_000, "highPrice": "9"}),
        "should be less than or equal to 999999",
    ),
    (
        policy(strategy={"type": "Carbon", "lowCarbon": -4, "highCarbon": 30}),
        "should be greater than or equal to 0",
    ),
    (
        policy(strategy={"type": "Price", "lowPrice": "2", "highPrice": "9", "lowPercentile": 5}),
        "write either lowPrice and highPrice, or lowPercentile and highPercentile",
    ),
    (policy(strategy={"type": "Price", "lowPercentile": 90}), "lowPercentile must be below highPercentile"),
    (policy(strategy={"type": "Price", "highPercentile": 101}), "should be less than or equal to 100"),
    (
        policy(strategy={"type": "Price", "lowCarbon": "1", "highCarbon": "2"}),
        "lowCarbon belongs to strategy Carbon",
    ),
    (
        policy(strategy={"type": "Carbon", "lowRenewable": "1", "highRenewable": "2"}),
        "belongs to strategy Renewable",
    ),
    (policy(strategy={"type": "Carbon", "lowCarbon": "40"}), "lowCarbon and highCarbon go together"),
    (
        policy(strategy={"type": "Carbon", "lowCarbon": "40", "highCarbon": "30"}),
        "lowCarbon must be below highCarbon",
    ),
    (policy(strategy={"type": "Carbon", "lowCarbon": "-4", "highCarbon": "30"}), "lowCarbon"),
    (
        policy(strategy={"type": "Renewable", "lowRenewable": "2", "highRenewable": "9", "lowPercentile": 5}),
        "write either lowRenewable and highRenewable, or lowPercentile and highPercentile",
    ),
    (policy(strategy={"lowPercentile": 5}), "lowPercentile belongs to strategy Price, Carbon, Renewable"),
    (policy(strategy={"type": "Price", "hours": 8}), "hours belongs to strategy CheapestHours"),
    (policy(strategy={"contiguous": True}), "contiguous belongs to strategy CheapestHours"),
    (
        policy(strategy={"within": {"start": "20:00", "end": "08:00"}}),
        "within belongs to strategy CheapestHours",
    ),
    (policy(strategy={"type": "CheapestHours", "hours": 0}), "should be greater than or equal to 1"),
    (policy(strategy={"type": "CheapestHours", "hours": 25}), "should be less than or equal to 24"),
    (
        policy(strategy={"type": "CheapestHours", "within": {"start": "24:00", "end": "08:00"}}),
        "cannot start at 24:00",
    ),
    (policy(strategy={"type": "Fixed", "power": "50"}), "strategy.power must not be above maxSource"),
    (policy(strategy={"type": "Fixed", "power": 40000000}), "a number of microwatts takes the suffix u"),
    (policy(strategy={"type": "Schedule"}), "strategy Schedule needs windows, such as"),
    (policy(strategy={"type": "Schedule", "windows": []}), "should have at least 1 items"),
    (policy(strategy={"type": "Schedule", "windows": [NIGHT] * 33}), "must have at most 32 items"),
    (policy(strategy={"windows": [NIGHT]}), "windows belongs to strategy Schedule"),
    (policy(strategy={"otherwise": {}}), "otherwise belongs to strategy Schedule"),
    (policy(strategy=schedule(power="50")), "the power of a window must not be above maxSource"),
    (policy(strategy=schedule(start="06:00")), 'for a whole day write start: "00:00", end: "24:00"'),
    (policy(strategy=schedule(start="24:00")), "a window cannot start at 24:00"),
    (policy(strategy=schedule(start="6:00")), "should match"),
    (policy(strategy=schedule(end="25:00")), "should match"),
    (
        policy(strategy=schedule(days=["Monday"])),
        'Unsupported value: "Monday": supported values: "Mon", "Tue"',
    ),
    (policy(strategy=schedule(days=[])), "should have at least 1 items"),
    (policy(strategy=schedule(days=["Mon", "Mon"])), "Duplicate value"),
    (policy(strategy={**schedule(), "otherwise": {"type": "Schedule"}}), 'Unsupported value: "Schedule"'),
    (policy(strategy={**schedule(), "otherwise": {"alpha": 2}}), "alpha belongs to strategy Solar"),
    (
        policy(strategy={**schedule(), "otherwise": {"type": "Fixed", "power": "41"}}),
        "strategy.otherwise.power must not be above maxSource",
    ),
    (policy(market={"carbonProviders": ["EPEX"]}), 'Unsupported value: "EPEX"'),
    (policy(market={"carbonProviders": []}), "should have at least 1 items"),
    (policy(market={"providers": ["CarbonIntensity"]}), 'Unsupported value: "CarbonIntensity"'),
    (policy(market={"auction": "Carbon"}), 'Unsupported value: "Carbon"'),
    (policy(tariff={"taxFactor": "0"}), "spec.tariff.taxFactor"),
    (policy(tariff={"priceFactor": "-1"}), "spec.tariff.priceFactor"),
    (policy(tariff={"fees": "30 EUR"}), "spec.tariff.fees"),
    (policy(tariff={"fees": 38.5}), 'must be of type integer,string: "number"'),
    (policy(tariff={"taxFactor": 0}), "should be greater than or equal to 1"),
    (policy(tariff={"windows": [PEAK] * 33}), "must have at most 32 items"),
    (
        policy(tariff={"windows": [{**PEAK, "end": "17:00"}]}),
        'for a whole day write start: "00:00", end: "24:00"',
    ),
    (policy(tariff={"windows": [{**PEAK, "start": "24:00"}]}), "a window cannot start at 24:00"),
    (market_day(deliveryDate="2025-10-9"), "must be a day such as 2025-10-09"),
    (market_day(deliveryDate="tomorrow"), "must be a day such as 2025-10-09"),
    (market_day(deliveryDate="2025-10-09T00:00:00Z"), "must be a day such as 2025-10-09"),
    (market_day(deliveryDate="0001-01-01"), "must be a day such as 2025-10-09"),
    (market_day(deliveryDate="9999-12-31"), "must be a day such as 2025-10-09"),
    (market_day(deliveryDate="2025-13-01"), "must be a day such as 2025-10-09"),
    (market_day(deliveryDate="2025-10-32"), "must be a day such as 2025-10-09"),
    (market_day(area="GB", resolutionMinutes=15), "write resolutionMinutes: 30"),
    (market_day(provider="EnergyCharts", auction="Wind"), "Unsupported value"),
    (market_day(provider="Static"), "provider Static needs the day's results: write csv: |"),
    (market_day(csv=CSV), "csv belongs to provider Static: remove csv, or write provider: Static"),
    (market_day(provider="Static", csv="x" * 20_001), "Too long: may not be"),
    (budget(schedule=[SEGMENT | {"shares": "800"}]), "should match"),
    (budget(schedule=[SEGMENT | {"shares": "100 63.091"}]), "should match"),
    (budget(schedule=[SEGMENT | {"shares": "4V9"}]), "should match"),
    (budget(schedule=[SEGMENT | {"shares": ""}]), "at least 1 chars long"),
    (budget(schedule=[SEGMENT | {"shares": "63.09 " * 512 + "63.09"}]), "3071"),
    (budget(schedule=[SEGMENT | {"stepSeconds": 0}]), "should be greater than or equal to 1"),
    (budget(maxSourcePercent=80), "give either maxSourceMicrowatts or maxSourcePercent"),
    (budget(maxSourceMicrowatts=None), "give either maxSourceMicrowatts or maxSourcePercent"),
    (budget(minPowerPercent=80), "give either minPowerMicrowatts or minPowerPercent"),
    (override(duration=None), "nothing lasts for ever: either end"),
    (override(end="2025-10-09T19:00:00Z"), "nothing lasts for ever: either end"),
    (
        override(start="2025-10-09T19:00:00Z", end="2025-10-09T19:00:00Z", duration=None),
        "end must be after start",
    ),
    (override(duration="0s"), "duration must be from 1s to 744h"),
    (override(duration="745h"), "duration must be from 1s to 744h"),
    (override(duration="2 days"), "should match"),
    (override(nodeSelector=None), "give either nodes (names) or nodeSelector"),
    (override(nodes=["node-a"]), "give either nodes (names) or nodeSelector"),
    (override(nodeSelector=None, nodes=[]), "at least 1 items"),
    (override(nodeSelector=None, nodes=["a", "a"]), "Duplicate value"),
    (override(nodeSelector=None, nodes=["Node A"]), "should match"),
    (override(nodeSelector={"no such key!": "x"}), "every key must be a label key"),
    (override(limit=None), "give either limit"),
    (override(release=True), "give either limit"),
    (override(limit="101%"), "a percentage is a whole number from 1 to 100"),
    (override(limit="0%"), "a percentage is a whole number from 1 to 100"),
    (override(limit="60W"), "must be a power in watts"),
    (override(limit="0"), "write release: true instead"),
    (override(limit=60000000), 'write "40" for 40 W'),
    (override(reason=None), "reason"),
    (override(reason=""), "at least 1 chars"),
    (override(source="The Grid"), "should match"),
    (override(priority=10**10), "less than or equal to"),
    (override(watts=60), 'unknown field "spec.watts"'),
]
