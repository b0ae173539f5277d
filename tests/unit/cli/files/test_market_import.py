"""``powercap market import``: files as other tools write them, day by day, and what is refused says what to do.

The forms are those of exports as their tools print them; the values are made up.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from powercap_cli.main import main

Captured = pytest.CaptureFixture[str]
PRICES = [f"{50 + 3 * hour - 0.25 * (hour % 3):.2f}" for hour in range(24)]
"""Of 24 hours, EUR/MWh."""
PRICES[3], PRICES[4] = "-1.50", "1234.50"
MIDNIGHT = datetime(2025, 9, 9, 22, tzinfo=UTC)
"""Of 10 September 2025 in Paris."""


def lines(form: str, count: int = 24, first: datetime = MIDNIGHT, **more: str) -> str:
    """A line for each hour: ``{local}`` and ``{end}`` on the clock of Paris, ``{utc}``, ``{price}``, ``{comma}``."""
    made = []
    for place in range(count):
        utc = first + timedelta(hours=place)
        local, end = utc + timedelta(hours=2), utc + timedelta(hours=3)
        price = PRICES[place % 24]
        made.append(
            form.format(
                local=local, end=end, utc=utc, price=price, comma=price.replace(".", ","), hour=place % 24,
                seconds=int(utc.timestamp()), milliseconds=int(utc.timestamp()) * 1000,
                thousands=f"{float(price):,.2f}".replace(",", "_").replace(".", ",").replace("_", "."),
                cents=f"{float(price) / 10:.3f}", **more,
            )
        )  # fmt: skip
    return "\n".join(made)


DMY = "{local:%d.%m.%Y %H:%M}"
FORMS = {
    "entsoe-page-before": (
        '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|FR"\n'
        + lines(f'"{DMY} - {{end:%d.%m.%Y %H:%M}}","{{price}}","EUR",""'),
        [],
    ),
    "entsoe-page": (
        '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)","Intraday Period (CET/CEST)"\n'
        + lines(
            '"{local:%d/%m/%Y %H:%M:%S} - {end:%d/%m/%Y %H:%M:%S}","BZN|FR","Sequence Sequence 1","{price}",""\n'
            '"{local:%d/%m/%Y %H:%M:%S} - {end:%d/%m/%Y %H:%M:%S}","BZN|FR","Sequence Sequence 2","7.00",""'
        ),
        [],
    ),
    "energy-charts-csv": (
        '"Date (GMT+2)","Day Ahead Auction (FR)"\n,"Price (EUR/MWh)"\n'
        + lines("{local:%Y-%m-%dT%H:%M}+02:00,{price}"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "smard": (
        "Datum von;Datum bis;Frankreich [€/MWh] Originalauflösungen;Belgien [€/MWh] Originalauflösungen\n"
        + lines(f"{DMY};{{end:%d.%m.%Y %H:%M}};{{thousands}};1,00"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "smard-before": (
        "Datum;Anfang;Ende;Frankreich [€/MWh]\n"
        + lines("{local:%d.%m.%Y};{local:%H:%M};{end:%H:%M};{thousands}"),
        ["--auction", "SDAC"],
    ),
    "entsoe-page-with-marks": (
        '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)"\n'
        + lines(
            '"{local:%d/%m/%Y %H:%M:%S} (CEST) - {end:%d/%m/%Y %H:%M:%S} (CEST)","BZN|FR","Without Sequence","{price}"'
        ),
        [],
    ),
    "energy-charts-page": (
        '[{"name": [{"en": "Load", "de": "Last"}], "xAxisValues": ['
        + lines("{milliseconds},").replace("\n", "").rstrip(",")
        + '], "data": ['
        + lines("4,").replace("\n", "").rstrip(",")
        + ']}, {"name": [{"en": "Day Ahead Auction (FR)"}], "data": ['
        + lines("{price},").replace("\n", "").rstrip(",")
        + "]}]",
        [],
    ),
    "spreadsheet-cp1252": (
        "Début;Prix (€/MWh)\n" + lines("{local:%d/%m/%Y %H:%M};{comma}"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "ember": (
        "Country,ISO3 Code,Datetime (UTC),Datetime (Local),Price (EUR/MWhe)\n"
        + lines("France,FRA,{utc:%Y-%m-%d %H:%M:%S},{local:%Y-%m-%d %H:%M:%S},{price}"),
        ["--auction", "SDAC"],
    ),
    "series-of-a-library": (
        ",0\n" + lines("{local:%Y-%m-%d %H:%M:%S}+02:00,{price}"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "hours-from-1": (
        "Date;Hour;Price\n"
        + "\n".join(
            f"10.09.2025;{place + 1};{price.replace('.', ',')}" for place, price in enumerate(PRICES)
        ),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "cents-per-kwh": (
        "start\tct/kWh\n" + lines("{utc:%Y-%m-%dT%H:%M:%SZ}\t{cents}"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "downwards": (
        "time,price [EUR/MWh]\n" + "\n".join(reversed(lines("{utc:%Y-%m-%d %H:%M}Z,{price}").split("\n"))),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "energy-charts-json": (
        '{"license_info": "CC BY 4.0", "unix_seconds": ['
        + lines("{seconds},").replace("\n", "").rstrip(",")
        + '], "price": ['
        + lines("{price},").replace("\n", "").rstrip(",")
        + '], "unit": "EUR / MWh", "deprecated": false}',
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "awattar": (
        '{"object": "list", "data": ['
        + lines('{{"start_timestamp": {milliseconds}, "marketprice": {price}, "unit": "Eur/MWh"}},').rstrip(
            ","
        )
        + "]}",
        ["--area", "FR"],
    ),
    "smard-json": (
        '{"meta_data": {"version": 1}, "series": [' + lines("[{milliseconds}, {price}],").rstrip(",") + "]}",
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "nord-pool": (
        '{"deliveryDateCET": "2025-09-10", "market": "DayAhead", "currency": "EUR", "multiAreaEntries": ['
        + lines(
            '{{"deliveryStart": "{utc:%Y-%m-%dT%H:%M:%SZ}", "entryPerArea": {{"FR": {price}, "NL": 1.0}}}},'
        ).rstrip(",")
        + "]}",
        ["--area", "FR"],
    ),
    "entsoe-bulk": (
        "InstanceCode\tDateTime(UTC)\tResolutionCode\tAreaCode\tAreaDisplayName\tAreaTypeCode\tMapCode\tContractType\t"
        "Sequence\tPrice[Currency/MWh]\tCurrency\tUpdateTime(UTC)\n"
        + lines(
            "X1\t{utc:%Y-%m-%d %H:%M:%S}.000\tPT60M\t10YFR-RTE------C\tFrance (FR)\tBZN\tFR\tDay-ahead\t\t{price}\t"
            "EUR\t2025-09-09 11:00:00.000"
        ),
        [],
    ),
    "entsoe-page-utc": (
        '"MTU (UTC)","Area","Sequence","Day-ahead Price (EUR/MWh)"\n'
        + lines('"{utc:%d/%m/%Y %H:%M:%S} - {utc:%d/%m/%Y %H:%M:%S}","BZN|FR","Without Sequence","{price}"'),
        [],
    ),
    "energy-charts-csv-german": (
        '"Datum (GMT+2)","Day Ahead Auktion (FR)"\n,"Preis (EUR/MWh, EUR/tCO2)"\n'
        + lines("{local:%Y-%m-%dT%H:%M}+02:00,{price}"),
        [],
    ),
    "energy-charts-json-2": (
        '{"bidding_zone": "FR", "unit": "EUR / MWh", "series": [{"id": "day_ahead_price"}], "data": ['
        + lines(
            '{{"timestamp": "{local:%Y-%m-%dT%H:%M:%S}+02:00", "values": {{"day_ahead_price": {price}}}}},'
        ).rstrip(",")
        + "]}",
        ["--auction", "SDAC"],
    ),
    "nord-pool-csv": (
        "Delivery Start (CET);Delivery End (CET);NL (EUR);FR (EUR)\n"
        + lines("{local:%d.%m.%Y %H:%M:%S};{end:%d.%m.%Y %H:%M:%S};1,00;{comma}"),
        ["--auction", "SDAC", "--area", "FR"],
    ),
    "ote": (
        "Den;Hodina;Cena (EUR/MWh);Množství (MWh)\n"
        + "\n".join(f"10.09.2025;{place + 1};{price}" for place, price in enumerate(PRICES)),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "energi-data-service": (
        '{"total": 24, "dataset": "Elspotprices", "records": ['
        + lines(
            '{{"HourUTC": "{utc:%Y-%m-%dT%H:%M:%S}", "HourDK": "{local:%Y-%m-%dT%H:%M:%S}", "PriceArea": "FR",'
            ' "SpotPriceDKK": 7.46, "SpotPriceEUR": {price}}},'
        ).rstrip(",")
        + "]}",
        ["--auction", "SDAC"],
    ),
    "home-assistant": (
        "[" + lines('{{"start": "{local:%Y-%m-%dT%H:%M:%S}+02:00", "value": {price}}},').rstrip(",") + "]",
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "spreadsheet-quoted-with-mark": (
        '\ufeff"Zeit";"Preis €/MWh"\n' + lines('"{local:%d.%m.%Y %H:%M}";"{comma}"'),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "spreadsheet-two-heads": (
        "My prices\n\nZeit;Preis;Anteil\n;EUR/MWh;%\n" + lines("{local:%d.%m.%Y %H:%M};{comma};100,0"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "spreadsheet-utf-16": (
        "Start\tPrice EUR/MWh\n" + lines("{local:%d.%m.%Y %H:%M}\t{comma}"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "spreadsheet-american": (
        "Date,Price (EUR/MWh)\n" + lines("{local:%m/%d/%Y %I:%M %p},{price}"),
        ["--area", "FR", "--auction", "SDAC"],
    ),
    "times-in-utc-that-do-not-say-so": (
        "time,price EUR/MWh\n" + lines("{utc:%Y-%m-%d %H:%M:%S},{price}"),
        ["--area", "FR", "--auction", "SDAC", "--clock", "UTC"],
    ),
}


def run(tmp_path: Path, content: str | bytes, *arguments: str, name: str = "export.csv") -> int:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return main(["market", "import", str(file), "--output-dir", str(tmp_path / "out"), *arguments])


@pytest.mark.parametrize("form", FORMS)
def test_a_day_of_another_tool(tmp_path: Path, capsys: Captured, form: str) -> None:
    content, options = FORMS[form]
    encodings = {"spreadsheet-cp1252": "cp1252", "spreadsheet-utf-16": "utf-16"}
    encoded = content.encode(encodings.get(form, "utf-8"))
    assert run(tmp_path, encoded, *options) == 0, capsys.readouterr().err
    written = (tmp_path / "out" / "sdac_FR_2025-09-10.csv").read_text(encoding="utf-8").splitlines()
    assert written[0] == "# market: FR SDAC; day: 2025-09-10; clock: Europe/Paris; source: export.csv"
    assert written[1] == "Period,Volume (MWh),Price (€/MWh)"
    rows = [line.split(",") for line in written[2:]]
    assert [row[0] for row in rows] == [f"{hour:02}:00-{hour + 1:02}:00" for hour in range(24)]
    assert [float(row[2]) for row in rows] == [float(price) for price in PRICES]


def test_what_was_understood_is_told(tmp_path: Path, capsys: Captured) -> None:
    assert (
        run(tmp_path, *("Start;Price\n" + lines(f"{DMY};{{comma}}"),), "--area", "FR", "--auction", "SDAC")
        == 0
    )
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out' / 'sdac_FR_2025-09-10.csv'}\n"
    assert (
        "read as FR SDAC: prices in column 'Price' in EUR/MWh, as the file names no unit; times by the clock of"
        " Europe/Paris, as the file names no clock (say another with --clock)"
    ) in err
    assert "1 whole days, 2025-09-10, in periods of 60 minutes" in err


def test_an_autumn_day_has_its_hour_twice(tmp_path: Path, capsys: Captured) -> None:
    first = datetime(2025, 10, 25, 22, tzinfo=UTC)
    rows = []
    for place in range(100):
        moment = first + timedelta(minutes=15 * place)
        local = moment + timedelta(hours=2 if place < 12 else 1)
        rows.append(f"{local:%d.%m.%Y %H:%M};{place},5")
    content = "von;Preis €/MWh\n" + "\n".join(rows)
    assert run(tmp_path, content, "--area", "DE-LU", "--auction", "SDAC") == 0, capsys.readouterr().err
    written = (tmp_path / "out" / "sdac_DE-LU_2025-10-26.csv").read_text(encoding="utf-8").splitlines()[2:]
    assert written[8] == "02:00-02:15,-,8.5"
    assert written[12] == "02:00-02:15,-,12.5"
    assert len(written) == 100


def test_a_day_with_gaps_is_named_and_not_written(tmp_path: Path, capsys: Captured) -> None:
    content = "time,price EUR/MWh\n" + lines("{utc:%Y-%m-%dT%H:%M:%SZ},{price}", 46)
    assert run(tmp_path, content, "--area", "FR", "--auction", "SDAC") == 0
    err = capsys.readouterr().err
    assert "1 whole days, 2025-09-10" in err
    assert "left out: 2025-09-11: 2 of 24 periods missing: 22:00-24:00" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sdac_FR_2025-09-10.csv"]


def test_nothing_is_written_over_unasked(tmp_path: Path, capsys: Captured) -> None:
    form = "time,price EUR/MWh\n" + lines("{utc:%Y-%m-%dT%H:%M:%SZ},{price}")
    options = ["--area", "FR", "--auction", "SDAC"]
    assert run(tmp_path, form, *options) == 0
    assert run(tmp_path, form, *options) == 0
    changed = form.replace("-1.50", "-2.50")
    capsys.readouterr()
    assert run(tmp_path, changed, *options) == 1
    assert "is there already with other values: --overwrite writes over it" in capsys.readouterr().err
    assert ",-1.50" in (tmp_path / "out" / "sdac_FR_2025-09-10.csv").read_text(encoding="utf-8")
    assert run(tmp_path, changed, *options, "--overwrite") == 0
    assert ",-2.50" in (tmp_path / "out" / "sdac_FR_2025-09-10.csv").read_text(encoding="utf-8")


def test_two_files_of_one_day_are_told(tmp_path: Path, capsys: Captured) -> None:
    form = "time,price EUR/MWh\n" + lines("{utc:%Y-%m-%dT%H:%M:%SZ},{price}")
    other = tmp_path / "other.csv"
    other.write_text(form, encoding="utf-8")
    out = ["--output-dir", str(tmp_path / "out"), "--area", "FR", "--auction", "SDAC"]
    assert main(["market", "import", str(other), str(other), *out]) == 1
    assert "other.csv: FR SDAC 60min of 2025-09-10 is in" in capsys.readouterr().err


def test_a_spring_day_has_23_hours(tmp_path: Path, capsys: Captured) -> None:
    rows = lines("{utc:%Y-%m-%dT%H:%M}Z;{price}", 23, datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert run(tmp_path, f"von;Preis €/MWh\n{rows}", "--area", "FR", "--auction", "SDAC") == 0
    written = (tmp_path / "out" / "sdac_FR_2026-03-29.csv").read_text(encoding="utf-8").splitlines()[2:]
    assert [row[:5] for row in written][:4] == ["00:00", "01:00", "03:00", "04:00"]
    assert len(written) == 23
    assert "1 whole days" in capsys.readouterr().err


HEAD = "time,price EUR/MWh\n"
ROWS = lines("{utc:%Y-%m-%dT%H:%M:%SZ},{price}")


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (HEAD + ROWS, [], "the file does not say of which bidding zone the prices are: say it with --area"),
        (
            HEAD + ROWS,
            ["--area", "FR"],
            "the file does not say of which auction the prices are: say it with --auction",
        ),
        ("time,price SEK/MWh\n" + ROWS, ["--area", "SE3", "--auction", "SDAC"], "convert them first"),
        (
            "time,Actual Load (MW)\n" + ROWS,
            ["--area", "FR", "--auction", "SDAC"],
            "say which with --column: 'time'",
        ),
        (
            "time,price A EUR/MWh,price B EUR/MWh\n" + lines("{utc:%Y-%m-%dT%H:%M:%SZ},{price},{price}"),
            ["--area", "FR", "--auction", "SDAC"],
            "several columns may have the prices, say which with --area or --column",
        ),
        (
            "time,Area,price EUR/MWh\n"
            + lines("{utc:%Y-%m-%dT%H:%M:%SZ},FR,1\n{utc:%Y-%m-%dT%H:%M:%SZ},NL,2"),
            ["--auction", "SDAC"],
            "the file has prices of FR, NL: say which with --area",
        ),
        (
            "30.03.2025 02:00;1\n30.03.2025 03:00;2",
            ["--area", "FR", "--auction", "SDAC"],
            "--clock Etc/GMT-1",
        ),
        (
            "start;price EUR/MWh\n03/04/2025 00:00;1",
            ["--area", "FR", "--auction", "SDAC"],
            "may be day or month first",
        ),
        (
            HEAD + "2025-09-10T00:00Z,1\n2025-09-10T00:20Z,2",
            ["--area", "FR", "--auction", "SDAC"],
            "20 minutes apart",
        ),
        (
            HEAD + "2025-09-10T00:00Z,1.5\n2025-09-10T01:00Z,1,5",
            ["--area", "FR", "--auction", "SDAC"],
            "3 columns",
        ),
        (
            '"Time (CET/CEST)","Day-ahead Total Load Forecast [MW] - BZN|FR","Actual Total Load [MW] - BZN|FR"\n'
            + lines(f'"{DMY}","50000","51000"'),
            [],
            "no column is called a price",
        ),
        (
            "Datetime (UTC),Country,Zone id,Carbon intensity gCO₂eq/kWh (direct)\n"
            + lines("{utc:%Y-%m-%d %H:%M:%S},France,FR,{price}"),
            ["--auction", "SDAC"],
            "no column is called a price",
        ),
        (
            '{"data": {"viewer": {"homes": [{"priceInfo": {"today": ['
            + lines('{{"total": 0.25, "startsAt": "{local:%Y-%m-%dT%H:%M:%S}.000+02:00"}},').rstrip(",")
            + "]}}]}}}",
            ["--area", "FR", "--auction", "SDAC"],
            "a supplier's prices with its fees and taxes: import the market's",
        ),
        (
            "dtime,cen_cost [zł/MWh]\n" + lines("{local:%Y-%m-%d %H:%M:%S},{price}"),
            ["--area", "PL", "--auction", "SDAC"],
            "the prices are in zł/MWh, and those of PL must be in EUR/MWh: convert them first",
        ),
        (
            "Delivery day,Hour 1,Hour 2,Hour 3A,Hour 3B,Hour 4\n10/09/2025,1,2,3,,4\n11/09/2025,1,2,3,,4",
            ["--area", "FR", "--auction", "SDAC"],
            "each row must have one time and its price",
        ),
        (
            "Date;Hour;Price EUR/MWh\n26.10.2025;2;1,5\n26.10.2025;3A;1,5\n26.10.2025;3B;1,5",
            ["--area", "FR", "--auction", "SDAC"],
            "as 00:00 or as numbers from 0 or from 1",
        ),
        (
            "Hour;Price (EUR/MWh)\n1;50,12\n2;51,10",
            ["--area", "FR", "--auction", "SDAC"],
            "one of them must have times such as 2025-10-02T00:00+02:00",
        ),
        (
            "time,price\n" + lines("{utc:%Y-%m-%dT%H:%M:%SZ},0.085"),
            ["--area", "FR", "--auction", "SDAC"],
            "all prices are below 1 and the file names no unit",
        ),
        (
            '{"bidding_zone": "NL", "unix_seconds": [1757455200], "price": [1.0]}',
            ["--area", "FR", "--auction", "SDAC"],
            "the file says that its prices are of NL, and not of FR",
        ),
        (
            '{"data": {"fi": [{"timestamp": 1757455200, "price": 1.0}]}}',
            ["--area", "FI", "--auction", "SDAC"],
            "make a CSV file of it, with a time and a price in each row",
        ),
        (
            '<?xml version="1.0"?><NewDataSet><Prezzi><Data>20250910</Data></Prezzi></NewDataSet>',
            ["--area", "FR"],
            "no Publication_MarketDocument of ENTSO-E",
        ),
        ('{"a": 1}', ["--area", "FR"], "it is JSON without a list of times and prices that is known here"),
        ('{"a": ', ["--area", "FR"], "it begins as JSON does and is none"),
        ("<html><body>", ["--area", "FR"], "gave something else than XML"),
        (b"PK\x03\x04rest", [], "save it as CSV in the spreadsheet"),
        (b"\x00\x01\x02", [], "it is no text"),
        ("", ["--area", "FR"], "no line has a time and a number"),
        ("hello\nworld\n", ["--area", "FR"], "no line has a time and a number"),
    ],
)
def test_what_is_refused_says_what_to_do(
    tmp_path: Path, capsys: Captured, content: str | bytes, options: list[str], said: str
) -> None:
    assert run(tmp_path, content, *options) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert not (tmp_path / "out").exists()


def test_an_own_file_is_read_by_its_first_line(tmp_path: Path, capsys: Captured) -> None:
    assert run(tmp_path, HEAD + ROWS, "--area", "NL", "--auction", "SDAC") == 0
    written = tmp_path / "out" / "sdac_NL_2025-09-10.csv"
    renamed = tmp_path / "results.csv"
    renamed.write_bytes(written.read_bytes())
    capsys.readouterr()
    assert main(["market", "show", str(renamed)]) == 0
    assert "NL SDAC" in capsys.readouterr().out
    assert main(["market", "show", str(renamed), "--date", "2025-09-11"]) == 1
    assert "the file says that it is of 2025-09-10, and not of 2025-09-11" in capsys.readouterr().err
