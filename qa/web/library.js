// Not "path": Gradio treats an object with that key as an upload.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button.qa-remove");
  if (button) trigger("input", { article: button.dataset.path });
});
