"""The page: a conversation with a reader beside it. The only importer of gradio."""

import os
from pathlib import Path
from threading import Event

# Before gradio is imported: it reports home and asks for a newer version unless it is told not to.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr

from qa.corpus import Corpus
from qa.datatypes import Citation
from qa.errors import QaError
from qa.web import render
from qa.web.render import Turn

_FILES = Path(__file__).parent
# Gradio keeps its own element from scrolling, and its JavaScript replaces what is inside this one.
_SCROLLING = '<div class="qa-scroll" tabindex="0">${value}</div>'
# Fonts that the machine has: a theme's own would be fetched from another host.
_FONT = ["ui-sans-serif", "system-ui", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]


def build(corpus: Corpus) -> gr.Blocks:
    """Return the page for a corpus."""
    articles, _ = corpus.count()

    def ask(question: str, turns: list[Turn]) -> tuple[str, list[Turn], str]:
        history = [turn.question for turn in turns if turn.answer]
        try:
            turn = Turn(question, corpus.answer(question, history))
        except QaError as error:
            shown = question if len(question) <= 200 else f"{question[:200]}…"
            turn = Turn(shown, None, str(error))
        turns = [*turns, turn]
        return "", turns, render.conversation(turns, articles)

    def ask_alone(turns: list[Turn], event: gr.EventData) -> tuple[list[Turn], str]:
        """Answer a question again, without what it took over from earlier ones."""
        number = (event._data or {}).get("turn")
        if isinstance(number, int) and 0 <= number < len(turns):
            asked = turns[number].question
            turn = Turn(asked, corpus.answer(asked, carry_over=False))
            turns = [*turns[:number], turn, *turns[number + 1 :]]
        return turns, render.conversation(turns, articles)

    def read(turns: list[Turn], event: gr.EventData) -> str:
        return render.reader(_chosen(turns, event._data or {}))

    def clear() -> tuple[list[Turn], str, str]:
        return [], render.conversation([], articles), render.reader(None)

    page = gr.Blocks(title="qa", analytics_enabled=False, fill_width=True)
    with page:
        turns = gr.State([])
        with gr.Row(elem_classes="qa-page"):
            with gr.Column(scale=3, min_width=320):
                conversation = gr.HTML(
                    render.conversation([], articles),
                    html_template=_SCROLLING,
                    js_on_load=(_FILES / "conversation.js").read_text(encoding="utf-8"),
                    elem_id="qa-conversation",
                )
                question = gr.Textbox(
                    label="Question",
                    placeholder="Ask these articles",
                    submit_btn="Ask",
                    elem_id="qa-question",
                    autofocus=True,
                )
                with gr.Row(elem_classes="qa-row"):
                    examples = [gr.Button(text, size="sm") for text in corpus.questions()]
                    new = gr.Button("New conversation", size="sm", variant="secondary")
            with gr.Column(scale=2, min_width=320):
                reader = gr.HTML(
                    render.reader(None),
                    html_template=_SCROLLING,
                    js_on_load=(_FILES / "reader.js").read_text(encoding="utf-8"),
                    elem_id="qa-reader",
                )
        outputs = [question, turns, conversation]
        question.submit(ask, [question, turns], outputs, api_visibility="private")
        for button in examples:
            button.click(ask, [button, turns], outputs, api_visibility="private")
        conversation.select(read, turns, reader, api_visibility="private")
        conversation.input(ask_alone, turns, [turns, conversation], api_visibility="private")
        new.click(clear, None, [turns, conversation, reader], api_visibility="private")
    return page


def _chosen(turns: list[Turn], data: dict[str, int]) -> Citation | None:
    """Return the citation that was clicked."""
    for number, turn in enumerate(turns):
        for citation in (turn.answer.citations or turn.answer.nearest) if turn.answer else ():
            if (number, citation.number) == (data.get("turn"), data.get("number")):
                return citation
    return None


def start(corpus: Corpus, port: int, *, browser: bool = False) -> gr.Blocks:
    """Serve the page on 127.0.0.1, in the background, and return it.

    Args:
        corpus: What is asked.
        port: TCP port; it must be free.
        browser: Whether to open the page in the user's browser.
    """
    page = build(corpus)
    page.launch(
        server_name="127.0.0.1",
        server_port=port,
        inbrowser=browser,
        prevent_thread_lock=True,
        share=False,
        quiet=True,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        css_paths=[_FILES / "page.css"],
        theme=gr.themes.Default(font=_FONT, font_mono=_MONO),
    )
    return page


def wait(page: gr.Blocks) -> None:
    """Return when the user ends the server with Ctrl+C."""
    try:
        Event().wait()
    except KeyboardInterrupt:
        page.close()
