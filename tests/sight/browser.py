"""A real Chromium without a screen, which loads what is on loopback and nothing else."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from dev.lab.debian import program

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass(frozen=True, slots=True)
class Screen:
    """How large it is, in CSS pixels, and what a person prefers."""

    width: int
    height: int
    dark: bool = False


PHONE = Screen(390, 844)
PHONE_AT_NIGHT = Screen(390, 844, dark=True)
DESK = Screen(1280, 900)


class Browser:
    """One window."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str, screen: Screen = DESK) -> None:
        """Load the page on such a screen, and forget what the console said before."""
        self.console()
        self._tell(
            "Emulation.setDeviceMetricsOverride",
            width=screen.width,
            height=screen.height,
            deviceScaleFactor=2 if screen.width < 600 else 1,
            mobile=screen.width < 600,
        )
        scheme = "dark" if screen.dark else "light"
        self._tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.driver.get(url)

    def console(self) -> list[str]:
        """What the console said since it was last asked: errors of scripts, of the network, of the policy."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries]

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The text of the first element, as a person reads it."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def count(self, selector: str) -> int:
        """Number of such elements."""
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    def picture(self, file: Path) -> None:
        """Save all of the page as PNG."""
        size = self.run("const r = document.documentElement; return [r.clientWidth, r.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        shot = self._tell("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _tell(self, command: str, **parameters: Any) -> dict[str, Any]:
        said: dict[str, Any] = self.driver.execute_cdp_cmd(command, parameters)
        return said


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """One with a profile of its own."""
    options = ChromeOptions()
    for option in (*_OPTIONS, f"--user-data-dir={folder}"):
        options.add_argument(option)
    options.binary_location = program("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(program("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
