// A click (or Enter, it is a button) on a citation asks the server for its article.
element.addEventListener("click", (event) => {
  const cite = event.target.closest("button[data-turn]");
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
