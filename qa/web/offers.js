element.addEventListener("click", (event) => {
  const button = event.target.closest("button.qa-try");
  if (button) trigger("submit", { question: button.textContent });
});
