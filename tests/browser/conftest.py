"""One site, built once by the real pipeline from the sandbox, served under a sub-path to Chromium."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from support.boards import ROOT, make_leaderboard
from support.crowd import make_crowd
from support.needs import playwright_node, reason

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "Evil <script>window.rxEvil=1</script> **[x](javascript:window.rxEvil=1)** {{ config }} `|` \"'>"
HOSTILE_REPORT = (
    'Clear lungs. <img src=x onerror="window.rxEvil=1"> <script>window.rxEvil=1</script> '
    "**bold** [l](javascript:alert(1)) {{ config }}. No effusion."
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the site only below /challenge/, as project pages do, with its own page for a wrong address."""

    def translate_path(self, path):
        inside = path.split("?")[0].split("#")[0]
        if not inside.startswith("/challenge/"):
            return str(Path(self.directory) / "nothing-here")
        return super().translate_path(path.removeprefix("/challenge"))

    def send_error(self, code, message=None, explain=None):
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The address of the site, and its folder."""
    if CHROMIUM is None:
        pytest.skip(reason("chromium"))
    node = playwright_node()
    if node is None:
        pytest.skip(reason("node"))
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = node
    from evaluator.site.build import build

    leaderboard = make_leaderboard(
        tmp_path_factory.mktemp("board"),
        ("near-copy", "paraphrase", "shuffled", "template"),
        HOSTILE,
        HOSTILE_REPORT,
        {
            "near-copy": {
                "links": {"weights": "https://example.org/weights"},
                "inputs": {"views": "all", "context": "none"},
            }
        },
        pull_request=7,
    )
    make_crowd(leaderboard, ("mimic-cxr",), n_models=16)
    out = tmp_path_factory.mktemp("site")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(out)))
    url = f"http://127.0.0.1:{server.server_port}/challenge/"
    build(leaderboard, ROOT / "mkdocs.yml", out, site_url=url)
    _wait_for_font(out / "assets/site.css")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield url, out
    server.shutdown()
    server.server_close()
    thread.join()


def _wait_for_font(sheet):
    """Lets pages wait for their font: on a slow machine they would show the machine's own instead."""
    text, optional = sheet.read_text("utf-8"), "font-display:optional"
    assert text.count(optional) == 1
    sheet.write_text(text.replace(optional, "font-display:block"), "utf-8")


@pytest.fixture(scope="module")
def browser(served):
    """A browser for one module: while it is open, its event loop runs, and no other test could start one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


class Visitor:
    """A page that records failures and requests."""

    def __init__(self, context, base, *, javascript=True):
        self.base, self.javascript = base, javascript
        self.page = context.new_page()
        self.plain_reload, self.page.reload = self.page.reload, self._reload
        self.errors, self.elsewhere = [], []
        self.page.on(
            "console", lambda m: self.errors.append(m.text) if m.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on(
            "request", lambda r: None if r.url.startswith((base, "data:")) else self.elsewhere.append(r.url)
        )

    def open(self, path=""):
        self.page.goto(self.base + path, wait_until="load")
        self._mounted()
        return self.page

    def _reload(self):
        self.plain_reload()
        self._mounted()

    def _mounted(self):
        """Waits until the page is in its final state: its scripts are loaded on demand."""
        if self.javascript:
            self.page.wait_for_selector("html[data-rx-mounted]", state="attached")

    def well(self):
        """Asserts that nothing failed, nothing came from another origin and no hostile text was executed."""
        assert self.errors == []
        assert self.elsewhere == []
        assert self.page.evaluate("window.rxEvil") is None


@pytest.fixture
def visit(browser, served):
    """Makes visitors: `visit(dark=True, phone=True, javascript=False, width=1440)`."""
    contexts = []

    def make(*, dark=False, phone=False, javascript=True, width=1280):
        context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            java_script_enabled=javascript,
            accept_downloads=True,
        )
        context.set_default_timeout(
            60_000
        )  # a loaded machine is slow, and only a failing test waits this long
        contexts.append(context)
        return Visitor(context, served[0], javascript=javascript)

    yield make
    for context in contexts:
        context.close()
