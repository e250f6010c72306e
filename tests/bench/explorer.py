"""A year of quarter-hours in the explorer: script time in Chromium, beside uPlot alone with as many points.

CPU time of the page's main thread, from the answer's text to the finished picture: reading it, preparing, drawing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from tests.bench.rows import MISSED, costs
from tests.bench.web import prepared
from tests.chromium import CHROMIUM, FLAGS
from tests.servers import web_app

BUILDING = "agency-00.b-0000"
MAX_RATIO, FRAME_MS = 1.5, 150.0
VIEWS = {"alone": "", "beside the year before": "&compare=year"}
WAITING = """
window.goOn = new Promise(done => { window.release = done; });
Response.prototype.json = async function () {
  const text = await this.text();
  window.isThere = true;
  await goOn;
  return JSON.parse(text);
};
"""
"""The page's script waits with the answer's text, so that what comes before is not measured."""
COLUMNS = """async address => {
  const seen = await (await fetch(address)).json(), { compared, weather } = seen;
  const columns = [seen.values, compared?.values, compared?.low, compared?.high, weather?.values].filter(Boolean);
  window.text = JSON.stringify([seen.values.map((value, n) => seen.first_s + n * seen.step_s), ...columns]);
  document.body.prepend(Object.assign(document.createElement("div"), { id: "alone" }));
  return columns.length * seen.values.length;
}"""
ALONE = """async () => {
  const data = JSON.parse(window.text), colours = ["green", "brown", "gray", "gray", "navy"];
  const series = [{}, ...data.slice(1).map((column, n) => ({ stroke: colours[n], width: 1 }))];
  new uPlot({ width: 1200, height: 322, series }, data, document.getElementById("alone"));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
}"""


def script_ms(session: CDPSession) -> float:
    """CPU time of scripts in a page until now."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "ScriptDuration") * 1000


def opened(context: BrowserContext) -> tuple[Page, CDPSession]:
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return page, session


def ours_ms(context: BrowserContext, address: str) -> tuple[float, str]:
    """Script time of the explorer's picture, and where its figures come from."""
    page, session = opened(context)
    page.add_init_script(WAITING)
    page.goto(address)
    page.wait_for_function("window.isThere")
    before_ms = script_ms(session)
    page.evaluate("window.release()")
    page.wait_for_selector("#plot")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))")
    spent_ms = script_ms(session) - before_ms
    source = page.locator("#explorer").get_attribute("data-source")
    assert source is not None
    page.close()
    return spent_ms, source


def alone_ms(context: BrowserContext, url: str, source: str) -> tuple[float, int]:
    """Script time of uPlot with the same columns and nothing else, and how many points they are."""
    page, session = opened(context)
    page.goto(f"{url}/account")
    page.add_script_tag(url=f"{url}/static/vendor/uPlot.iife.min.js")
    points = page.evaluate(COLUMNS, source)
    before_ms = script_ms(session)
    page.evaluate(ALONE)
    spent_ms = script_ms(session) - before_ms
    page.close()
    return spent_ms, points


def compare(context: BrowserContext, url: str, rounds: int) -> bool:
    """Print and add a row of each view; whether a target was missed."""
    today, missed = dt.date.today(), False  # noqa: DTZ011
    span = f"first={today - dt.timedelta(days=365)}&last={today - dt.timedelta(days=1)}&step=15min"
    for name, more in VIEWS.items():
        ours, alone, points = [], [], 0
        for _ in range(rounds):
            spent_ms, source = ours_ms(context, f"{url}/explore/building/{BUILDING}?{span}{more}")
            ours.append(spent_ms)
            spent_ms, points = alone_ms(context, url, source)
            alone.append(spent_ms)
        ms, peer_ms = statistics.median(ours), statistics.median(alone)
        print(
            f"{name}: {points:,} points, ours {ms:.1f} ms, uPlot alone {peer_ms:.1f} ms, {ms / peer_ms:.2f} times as long"
        )
        costs("explorer", f"script of a year of quarter-hours {name}", ms, "uPlot alone", peer_ms, MAX_RATIO)
        missed = missed or ms > FRAME_MS or ms > MAX_RATIO * peer_ms
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-explorer"))
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    port, cookie = prepared(folder, 1, 1)
    server = web_app(folder / "config", port)
    url = server.url
    try:
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
            context.add_cookies([{"name": "bkkenergy", "value": cookie.partition("=")[2], "url": url}])
            missed = compare(context, url, given.rounds)
            browser.close()
        if missed:
            raise SystemExit(MISSED)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
