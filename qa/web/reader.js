// The cited passage is brought into view: inside the reader and, on a phone, on the page.
watch("value", () => {
  const target = element.querySelector("mark.qa-answer") ?? element.querySelector(".qa-passage");
  target?.scrollIntoView({ block: "center" });
});
