"""A real Chromium without a window, driven over its DevTools protocol; it writes down every error and every request."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

PHONE = (390, 844)
DESK = (1360, 900)

KEYS = {"Enter": ("\r", 13), "Tab": ("", 9), "Escape": ("", 27), " ": (" ", 32)} | {
    name: ("", code) for name, code in (("ArrowLeft", 37), ("ArrowRight", 39), ("Home", 36), ("End", 35))
}


def chromium() -> str | None:
    """The program's path."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One Chromium; `page` opens tabs in it."""

    def __init__(self, profile: Path) -> None:
        program = chromium()
        assert program is not None
        self.log = profile / "chromium.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    program,
                    "--headless=new",
                    "--no-sandbox",  # tests may run as root in a container
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--hide-scrollbars",
                    "--no-first-run",
                    "--disable-extensions",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--remote-debugging-port=0",
                    f"--user-data-dir={profile / 'profile'}",
                    "about:blank",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while not (found := re.search(r"ws://\S+", self.log.read_text(errors="replace"))):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise RuntimeError(f"Chromium did not start: {self.log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        self.stack = contextlib.ExitStack()
        self.connection = self.stack.enter_context(connect(found[0], max_size=None))
        self.numbers = itertools.count(1)
        self.tabs: dict[str, Page] = {}

    def page(self) -> Page:
        """A new tab, with a context (cookies, storage) of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.tabs[session] = Page(self, session, context)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        return page

    def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """A command; returns its result, after handing out the events that came before it."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self.connection.send(json.dumps(message))
        while True:
            answer = self.receive(60)
            assert answer is not None, f"no answer to {method}"
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message, given to its tab if it is an event; None if there is none in time."""
        try:
            message: dict[str, Any] = json.loads(self.connection.recv(seconds))
        except TimeoutError:
            return None
        if "method" in message and message.get("sessionId") in self.tabs:
            self.tabs[message["sessionId"]].take(message["method"], message["params"])
        return message

    def close(self) -> None:
        """End Chromium."""
        self.stack.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Page:
    """A tab.

    Attributes:
        errors: what the console, the page's scripts or the network complained about.
        requests: every address that was asked for.
    """

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self.browser, self.session, self.context = browser, session, context
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.loaded = False

    def call(self, method: str, **parameters: Any) -> Any:
        """A DevTools command for this tab."""
        return self.browser.call(method, self.session, **parameters)

    def take(self, method: str, event: dict[str, Any]) -> None:
        """An event of this tab."""
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.errors.append(str(details.get("exception", {}).get("description", details["text"])))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(each.get("value", each.get("description"))) for each in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")

    def size(self, size: tuple[int, int], *, dark: bool = False) -> None:
        """Width and height in CSS pixels, and what the system prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size[0] < 500,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, url: str) -> None:
        """Go to an address and wait until it is loaded."""
        self.loaded = False
        result = self.call("Page.navigate", url=url)
        assert not result.get("errorText"), f"{url}: {result.get('errorText')}"
        if not result.get("loaderId"):  # only the part after # changed
            return
        deadline = time.monotonic() + 60
        while not self.loaded:
            assert time.monotonic() < deadline, f"{url} did not load"
            self.browser.receive(1)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str, what: str = "", seconds: float = 30.0) -> Any:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        # A page that is just being left or built has no such element yet: that is no failure.
        tolerant = f"(() => {{ try {{ return {script}; }} catch {{ return null; }} }})()"
        while not (value := self.evaluate(tolerant)):
            assert time.monotonic() < deadline, f"waited {seconds:g} s for {what or script}; errors: {self.errors}"
            self.browser.receive(0.05)
        return value

    def press(self, key: str) -> None:
        """A key, as a keyboard sends it."""
        text, code = KEYS.get(key, (key, ord(key[0].upper())))
        event = {"key": key, "code": key if key in KEYS else "", "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def click(self, selector: str) -> None:
        """A click of the mouse on the middle of an element."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'}); "
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        """Write a PNG of what is in view, or of the whole page."""
        parameters: dict[str, Any] = {"captureBeyondViewport": whole}
        if whole:
            content = self.call("Page.getLayoutMetrics")["cssContentSize"]
            parameters["clip"] = {"x": 0, "y": 0, "width": content["width"], "height": content["height"], "scale": 1}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png", **parameters)["data"]))
        return path

    def assert_clean(self, origin: str) -> None:
        """Fail on any error and on any request to elsewhere."""
        self.browser.receive(0.1)
        assert not self.errors, "\n".join(self.errors)
        outside = [url for url in self.requests if not url.startswith((origin, "data:", "blob:", "about:"))]
        assert not outside, outside

    def close(self) -> None:
        """Close the tab and forget its cookies."""
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
        del self.browser.tabs[self.session]
