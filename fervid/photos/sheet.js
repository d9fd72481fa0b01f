"use strict";
// Photos whose names hold all the words, and that show a face with the chosen expression.
(function () {
  const field = (id) => document.getElementById(id);
  const cards = [...field("cards").children].map((card) => ({
    card,
    text: card.querySelector("h3").textContent.toLowerCase(),
    states: card.dataset.states.split(" "),
  }));

  function show() {
    const words = field("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = field("state").value;
    let shown = 0;
    for (const { card, text, states } of cards) {
      const fits = words.every((word) => text.includes(word)) && (!state || states.includes(state));
      card.hidden = !fits;
      shown += fits;
    }
    field("shown").textContent = `${shown} of ${cards.length} photos on this page`;
    field("nothing").hidden = shown > 0;
  }

  field("controls").hidden = false;
  for (const id of ["words", "state"]) field(id).addEventListener("input", show);
  show();
  document.documentElement.classList.add("ready");
})();
