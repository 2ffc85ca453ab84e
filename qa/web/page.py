"""The page: library, conversation, reader. Gradio is imported here and in `handlers` only."""

import os
from pathlib import Path
from typing import Any

from qa.locations import cache_folder

# Before Gradio is imported: by default it reports home and checks for a newer version.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Uploads lie here until they are copied; Gradio's own default is a folder that all users share.
os.environ["GRADIO_TEMP_DIR"] = str(cache_folder() / "uploads")

import gradio as gr
from fastapi import FastAPI

from qa.corpus import Corpus
from qa.reading.formats import LARGEST
from qa.web import uploads, views
from qa.web.handlers import Handlers
from qa.web.service import Service

_REFRESH_EVERY = 3.0
"""Seconds between two checks whether the articles have changed."""
WAITING = 200
"""Questions and other events that may wait in the queue; more are refused."""
AT_ONCE = 8
"""Events of one kind that are handled at once. Gradio's default is one: everybody would wait for
the slowest question. Many more would only share the same processors."""
CONVERSATIONS = 300
"""Conversations in memory; an older one is answered again from what its browser keeps."""
# What the page does not need, and a stranger should not have.
_OFF: Any = dict.fromkeys(
    "show_error run_history ssr_mode mcp_server enable_monitoring pwa".split(), False
)
_FILES = Path(__file__).parent
# Fonts of the machine: those of a theme would be fetched from another host.
_FONT = ["ui-sans-serif", "system-ui", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]
_PLACES = {"library": "Library", "conversation": "Conversation", "reader": "Reader"}


def build(corpus: Corpus) -> gr.Blocks:
    """Return the page for a corpus."""
    service = Service(corpus)
    handlers = Handlers(service)

    # Gradio sets an attribute on these, which a method does not allow.
    def export(sent: dict[str, Any]) -> dict[str, str]:
        return service.export(sent)

    def judge(sent: dict[str, Any]) -> str:
        return service.judge(sent)

    page = gr.Blocks(title="qa", analytics_enabled=False, fill_width=True)
    with page:
        turns, only, seen = gr.State([]), gr.State(None), gr.State(None)
        tabs = views.render("places.html", places=_PLACES)
        gr.HTML(tabs, js_on_load=_script("places"), elem_id="qa-places")
        with gr.Row(elem_classes="qa-page"):
            with gr.Column(elem_id="qa-library-place", min_width=240):
                library = _pane("library", "Library", "")
                intake = _pane("intake", "Add articles", views.intake())
            with gr.Column(elem_id="qa-conversation-place", min_width=320):
                functions = [export, judge]
                key = f"qa {service.feedback.stem}"
                conversation = _pane(
                    "conversation", "Conversation", "", server_functions=functions, storage_key=key
                )
                # In place of the conversation until the first question; see page.css. Examples
                # arrive late, and must not replace what was asked meanwhile.
                offers = _pane("offers", "Conversation", views.offers(corpus.count()[0]))
                narrowed = gr.Button(visible=False, size="sm", elem_id="qa-narrowed")
                question = gr.Textbox(
                    label="Question",
                    placeholder="Ask these articles",
                    submit_btn="Ask",
                    elem_id="qa-question",
                    autofocus=True,
                )
                with gr.Accordion("Narrow down", open=False, visible=False) as narrow, gr.Row():
                    outlets = gr.Dropdown([], label="Outlets", multiselect=True)
                    # Not gr.DateTime: its field has no name for a screen reader.
                    since, until = (
                        gr.Textbox(
                            label=label, placeholder="2025-12-17", max_lines=1, min_width=120
                        )
                        for label in ("Since", "Until")
                    )
                new = gr.Button("New conversation", size="sm", variant="secondary")
            with gr.Column(elem_id="qa-reader-place", min_width=320):
                reader = _pane("reader", "Reader", views.nothing(), storage_key=key)

        private: Any = {"api_visibility": "private", "show_progress": "hidden"}
        suggest: Any = private | {"concurrency_limit": 1, "concurrency_id": "examples"}
        filters = [only, outlets, since, until]
        loaded = [library, narrow, outlets, since, until]
        answered = [turns, conversation, library]
        page.load(handlers.load, turns, loaded, **private)
        page.load(handlers.suggest, None, offers, **suggest)
        asked = [question, *answered]
        asking: Any = [
            question.submit(handlers.ask, [question, turns, *filters], asked, **private),
            offers.submit(handlers.ask_example, [turns, *filters], asked, **private),
        ]
        # An event of its own: until `ask` is complete, Gradio drops the next question.
        for asks in asking:
            asks.then(handlers.allow_next, None, question, **private)
        stopped = [question, turns, conversation]
        question.stop(handlers.stop, turns, stopped, cancels=asking, **private)
        conversation.input(handlers.ask_again, turns, answered, **private)
        shown = [*answered, reader]
        reader.select(handlers.open_link, turns, shown, trigger_mode="always_last", **private)
        reader.input(handlers.set_filter, None, [only, narrowed], **private)
        narrowed.click(handlers.clear_filter, None, [only, narrowed], **private)
        # What was asked during an upload is in `turns` only for an event of its own.
        every: Any = private | {"trigger_mode": "multiple"}
        removed = [intake, *loaded]
        for event in (
            intake.upload(handlers.add_files, None, intake, **every).then(
                handlers.load, turns, loaded, **private
            ),
            library.input(handlers.remove_or_restore, turns, removed, **every),
            intake.input(handlers.remove_or_restore, turns, removed, **every),
        ):
            event.then(handlers.suggest, None, offers, **suggest)
        timer = gr.Timer(_REFRESH_EVERY)
        timer.tick(handlers.refresh_if_changed, [seen, turns], [seen, *loaded], **private)
        new.click(handlers.clear, None, [*shown, only, narrowed], **private)
    return page


def _pane(name: str, label: str, value: str, **properties: Any) -> gr.HTML:
    """Return one place of the page: HTML that scrolls by itself, with its own script."""
    # Gradio keeps its own element from scrolling, and its script replaces what is inside this one.
    template = (
        f'<div class="qa-scroll" tabindex="0" role="region" aria-label="{label}">${{value}}</div>'
    )
    script = _script(name)
    return gr.HTML(
        value, html_template=template, js_on_load=script, elem_id=f"qa-{name}", **properties
    )


def _script(name: str) -> str:
    return (_FILES / f"{name}.js").read_text(encoding="utf-8")


def application(corpus: Corpus) -> FastAPI:
    """Return the page as an ASGI application; `qa.web.server` guards and serves it."""
    page = build(corpus)
    page.state_session_capacity = CONVERSATIONS
    page.queue(max_size=WAITING, api_open=False, default_concurrency_limit=AT_ONCE)
    uploads.folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    uploads.delete_old()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        **_OFF,
        max_file_size=LARGEST,
        css_paths=[_FILES / "page.css"],
        theme=gr.themes.Default(font=_FONT, font_mono=_MONO),
    )
    return app
