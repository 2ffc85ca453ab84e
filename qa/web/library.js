// The name of the article goes as "article": a "path" Gradio would take for an upload.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button.qa-remove");
  if (button) trigger("input", { article: button.dataset.path });
});
