"use strict";
// Keys work wherever the focus is, except those that a field or button uses itself.
function keyboard(keys) {
  const ENTRIES = "textarea, input:not([type=checkbox], [type=radio], [type=button], [type=file])";
  const OWN = {
    select: [" ", "Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
    "button, summary, a[href], input": [" ", "Enter"],
  };
  const help = document.getElementById("keys");

  const takes = (target, key) =>
    target.closest(ENTRIES) ||
    Object.entries(OWN).some(([what, own]) => target.closest(what) && own.includes(key) && !(key === " " && target.closest("a[href]")));

  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && event.target.closest?.(ENTRIES)) event.target.blur();
    if (!keys[event.key] || takes(event.target, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }, true);

  const open = () => help.showModal();
  keys["?"] = open;
  document.getElementById("show-keys").addEventListener("click", open);
  help.addEventListener("click", (event) => {
    if (event.target === help || event.target.closest(".close")) help.close();
  });
  // After a choice, the list gives up the focus.
  for (const choice of document.querySelectorAll("select")) {
    choice.addEventListener("change", () => choice.blur());
  }
}
