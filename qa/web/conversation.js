// A click (or Enter, they are buttons) on a citation asks the server for its article; one on
// "without the words from earlier questions" asks that question again.
element.addEventListener("click", (event) => {
  const alone = event.target.closest("button.qa-alone");
  if (alone) trigger("input", { turn: Number(alone.dataset.turn) });
  const cite = event.target.closest("button.qa-cite");
  if (!cite) return;
  for (const other of element.querySelectorAll("[aria-current]")) {
    other.removeAttribute("aria-current");
  }
  cite.setAttribute("aria-current", "true");
  trigger("select", { turn: Number(cite.dataset.turn), number: Number(cite.dataset.number) });
});

// A new reply is read from its question down.
watch("value", () => {
  const scroller = element.querySelector(".qa-scroll");
  const turns = scroller.querySelectorAll(".qa-turn");
  if (turns.length) scroller.scrollTop = turns[turns.length - 1].offsetTop - scroller.offsetTop;
});
