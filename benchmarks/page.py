"""How soon the page is painted and usable, compared with the smallest page Gradio can serve.

    python benchmarks/page.py [--rounds 5]

Both are served by this process and opened in turns in a Chromium with an empty cache. Needs
Chromium and the development extras.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

import gradio as gr
from playwright.sync_api import Browser, sync_playwright

import qa
from qa.web.access import Access
from qa.web.server import Server

ROOT = Path(__file__).parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place, qa.Corpus.open(ROOT / "seeds", place) as corpus:
        corpus.warm_up()
        served = Server(corpus, "127.0.0.1", 7981, Access())
        bare = _bare(7982)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS
            )
            ours, smallest = [], []
            for _ in range(rounds):
                ours.append(_open(browser, "http://127.0.0.1:7981", "#qa-question textarea"))
                smallest.append(_open(browser, "http://127.0.0.1:7982", "textarea"))
            answer = _timed_answer(browser, rounds)
            browser.close()
        served.close()
        bare.close()
    for i, name in enumerate(("first paint", "usable")):
        mine, theirs = (statistics.median(row[i] for row in rows) for rows in (ours, smallest))
        print(f"{name}: {mine:.0f} ms, bare Gradio {theirs:.0f} ms, ratio {mine / theirs:.2f}")
    print(f"from Enter to the answer on the screen: {answer:.0f} ms")


def _bare(port: int) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Textbox()
    page.launch(server_port=port, prevent_thread_lock=True, quiet=True, ssr_mode=False)
    return page  # type: ignore[no-any-return]


def _open(browser: Browser, address: str, field: str) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address, wait_until="commit")
    page.locator(field).wait_for()
    usable = page.evaluate("performance.now()")
    paint = page.evaluate(PAINT)
    context.close()
    return float(paint), float(usable)


def _timed_answer(browser: Browser, rounds: int) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto("http://127.0.0.1:7981")
    question = page.locator("#qa-question textarea")
    spent = []
    for i in range(rounds):
        question.fill("When was Turkey expelled from the F-35 programme?")
        began = page.evaluate("performance.now()")
        question.press("Enter")
        page.locator(".qa-turn blockquote.qa-lead").nth(i).wait_for()
        spent.append(page.evaluate("performance.now()") - began)
    context.close()
    return float(statistics.median(spent))


if __name__ == "__main__":
    main()
