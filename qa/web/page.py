"""The page: library, conversation, reader. Gradio is imported here and in `handlers` only."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from qa.locations import cache_folder

# Before gradio is imported: it reports home and asks for a newer version unless it is told not to.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Where uploads lie until they are copied, and what else it writes; else a folder that all share.
os.environ["GRADIO_TEMP_DIR"] = str(cache_folder() / "uploads")

import gradio as gr
from fastapi import FastAPI

from qa.corpus import Corpus
from qa.readers import LARGEST
from qa.web import answers, library, reader, words
from qa.web.handlers import Handlers

_LOOK_AGAIN = 3.0
"""Seconds between two looks at whether the folder has changed."""
WAITING = 200
"""Questions and other events that may wait their turn; more are refused."""
CONVERSATIONS = 300
"""Conversations that are held in memory; an older one is asked again from what its page keeps."""
# Seconds after which an upload that nobody took in is deleted.
_FORGOTTEN = 24 * 3600
_FILES = Path(__file__).parent
# Fonts that the machine has: a theme's own would be fetched from another host.
_FONT = ["ui-sans-serif", "system-ui", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]


def build(corpus: Corpus) -> gr.Blocks:
    """Return the page for a corpus."""
    handlers = Handlers(corpus)

    # Gradio puts a mark on these, which a method cannot take.
    def export(wanted: dict[str, Any]) -> str:
        return handlers.export(wanted)

    def judge(said: dict[str, Any]) -> str:
        return handlers.judge(said)

    page = gr.Blocks(title=words.NAME, analytics_enabled=False, fill_width=True)
    with page:
        turns = gr.State([])
        only = gr.State(None)
        seen = gr.State(None)
        _places()
        with gr.Row(elem_classes="qa-page"):
            with gr.Column(elem_id="qa-library-place", min_width=240):
                shelf = _pane("library", words.LIBRARY, handlers.shelved([]))
                gate = _pane("intake", words.ADD, library.intake())
            with gr.Column(elem_id="qa-conversation-place", min_width=320):
                talk = _pane(
                    "conversation",
                    words.CONVERSATION,
                    "",
                    server_functions=[export, judge],
                    kept_as=handlers.kept_as,
                    why=words.WHY,
                    keep=words.KEEP,
                )
                # Shown in its place until the first question; see page.css. Examples come when they
                # are ready, and must not replace what was asked meanwhile.
                start = _pane("offers", words.CONVERSATION, answers.offers(corpus.count()[0]))
                narrowed = gr.Button(visible=False, size="sm", elem_id="qa-narrowed")
                question = gr.Textbox(
                    label=words.QUESTION,
                    placeholder=words.ASK_HERE,
                    submit_btn=words.ASK,
                    elem_id="qa-question",
                    autofocus=True,
                )
                with gr.Accordion(words.NARROW, open=False, visible=False) as narrow, gr.Row():
                    outlets = gr.Dropdown([], label=words.OUTLETS, multiselect=True)
                    # Not gr.DateTime: its field has no name that a screen reader could tell.
                    since, until = (
                        gr.Textbox(label=label, placeholder=words.DAY, max_lines=1, min_width=120)
                        for label in (words.SINCE, words.UNTIL)
                    )
                new = gr.Button(words.NEW, size="sm", variant="secondary")
            with gr.Column(elem_id="qa-reader-place", min_width=320):
                book = _pane(
                    "reader",
                    words.READER,
                    reader.nothing(),
                    kept_as=handlers.kept_as,
                    copied=words.COPIED,
                )
        private: Any = {"api_visibility": "private", "show_progress": "hidden"}
        known = [narrow, outlets, since, until]
        filters = [only, outlets, since, until]
        page.load(handlers.arrive, turns, [shelf, *known], **private)
        page.load(handlers.offer, None, start, **private)
        asking: list[Any] = [
            question.submit(
                handlers.ask, [question, turns, *filters], [question, turns, talk, shelf], **private
            )
        ]
        asking.append(
            start.submit(
                handlers.ask_example, [turns, *filters], [question, turns, talk, shelf], **private
            )
        )
        question.stop(handlers.stop, turns, [question, turns, talk], cancels=asking, **private)
        talk.input(handlers.ask_anew, turns, [turns, talk, shelf], **private)
        book.select(
            handlers.open_link,
            turns,
            [turns, talk, shelf, book],
            trigger_mode="always_last",
            **private,
        )
        book.input(handlers.keep_to, None, [only, narrowed], **private)
        # What was asked meanwhile is in `turns` only for an event of its own.
        brought = gate.upload(handlers.bring, None, gate, trigger_mode="multiple", **private)
        brought.then(handlers.arrive, turns, [shelf, *known], **private).then(
            handlers.offer, None, start, **private
        )
        for pane in (shelf, gate):
            taken = pane.input(
                handlers.take, turns, [gate, shelf, *known], trigger_mode="multiple", **private
            )
            taken.then(handlers.offer, None, start, **private)
        clock = gr.Timer(_LOOK_AGAIN)
        clock.tick(handlers.keep_up, [seen, turns], [seen, shelf, *known], **private)
        narrowed.click(handlers.keep_to_none, None, [only, narrowed], **private)
        new.click(handlers.begin_anew, None, [turns, talk, shelf, book, only, narrowed], **private)
    return page


def _pane(name: str, label: str, value: str, **more: Any) -> gr.HTML:
    """Return one of the three places: HTML that scrolls by itself, with its own script."""
    return gr.HTML(
        value,
        # Gradio keeps its own element from scrolling, and its script replaces what is inside this.
        html_template=(
            f'<div class="qa-scroll" tabindex="0" role="region" aria-label="{label}">'
            "${value}</div>"
        ),
        js_on_load=(_FILES / f"{name}.js").read_text(encoding="utf-8"),
        elem_id=f"qa-{name}",
        **more,
    )


def _places() -> gr.HTML:
    """Return the tabs that lead from place to place where the window is narrow."""
    names = {
        "library": words.LIBRARY,
        "conversation": words.CONVERSATION,
        "reader": words.READER,
    }
    tabs = "".join(
        f'<button type="button" role="tab" id="qa-tab-{place}" data-place="{place}" '
        f'aria-controls="qa-{place}-place">{name}</button>'
        for place, name in names.items()
    )
    return gr.HTML(
        f'<h1 class="qa-name">{words.NAME}<span> – {words.PURPOSE}</span></h1>'
        f'<div class="qa-tabs" role="tablist" aria-label="{words.PLACES}">{tabs}</div>',
        js_on_load=(_FILES / "places.js").read_text(encoding="utf-8"),
        elem_id="qa-places",
    )


def application(corpus: Corpus) -> FastAPI:
    """Return the page as an ASGI application; `qa.web.server` guards and serves it."""
    page = build(corpus)
    page.state_session_capacity = CONVERSATIONS
    page.queue(max_size=WAITING, api_open=False)
    _forget_uploads()
    bare = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    gr.mount_gradio_app(
        bare,
        page,
        path="/",
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        max_file_size=LARGEST,
        css_paths=[_FILES / "page.css"],
        theme=gr.themes.Default(font=_FONT, font_mono=_MONO),
    )
    return bare


def _forget_uploads() -> None:
    """Delete what a server that was killed has left."""
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.iterdir():
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _FORGOTTEN:
                shutil.rmtree(left)
