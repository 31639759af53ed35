"""Chromium without a window, for tests of pages, through Debian's chromium-driver and Selenium."""
import base64
import json
import os
import pathlib
import shutil
import sys
import tempfile

try:
    from selenium import webdriver
except ImportError:  # another Python than Debian's: its modules are pure Python
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        from selenium import webdriver
    except ImportError:
        webdriver = None
if webdriver is not None:
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 120  # a limit for hangs on a busy machine, not a claim about speed


def missing():
    """What there is not of what a browser test needs, in words; empty if all is there."""
    lacks = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if webdriver is None:
        lacks.append("python3-selenium")
    return ", ".join(lacks)


class Browser:
    """A browser of its own, with an empty profile that is gone when it is closed."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="calvo-browser-")
        self.downloads = pathlib.Path(self.profile) / "downloads"
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                         "--no-first-run", "--disable-background-networking",
                         "--disable-component-update", "--disable-sync",
                         "--disable-dev-shm-usage", f"--user-data-dir={self.profile}/profile"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")),
                                       options=options)
        self.driver.set_page_load_timeout(PATIENCE_S)
        self.driver.set_script_timeout(PATIENCE_S)
        self.command("Browser.setDownloadBehavior",
                     behavior="allow", downloadPath=str(self.downloads))
        self.resize(1200, 900)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def resize(self, width, height):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)

    def media(self, kind="", scheme="light"):
        self.command("Emulation.setEmulatedMedia", media=kind,
                     features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path):
        """Opens a report and waits until all of it is drawn."""
        self.log("browser")
        self.log("performance")
        self.driver.get(pathlib.Path(path).resolve().as_uri())
        self.wait("return document.documentElement.dataset.ready")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """The first value of `script` that is true."""
        return WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(
            lambda driver: driver.execute_script(script, *arguments),
            f"in vain: {script}")

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def log(self, kind):
        return self.driver.get_log(kind)

    def console_errors(self):
        return [entry["message"] for entry in self.log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self):
        """Addresses that pages asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]

    def downloaded(self, name):
        """The content of a file, once it is there as a whole."""
        path = self.downloads / name
        WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(
            lambda _: path.exists() and not list(self.downloads.glob("*.crdownload")),
            f"no download {name}")
        return path.read_bytes()

    def pdf(self):
        return base64.b64decode(self.command("Page.printToPDF", printBackground=True)["data"])

    def screenshot(self, path, selector):
        box = self.js("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                      "return [r.x + scrollX, r.y + scrollY, r.width, r.height]", selector)
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True,
                            clip={"x": box[0], "y": box[1], "width": box[2], "height": box[3],
                                  "scale": 1})["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
