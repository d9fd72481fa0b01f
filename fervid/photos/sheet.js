"use strict";
// Shows photos whose names contain all words and that have a face with the chosen expression.
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

  // The viewer goes through the visible photos that have a picture.
  const viewer = field("viewer");
  const large = document.createElement("img");
  large.id = "large";
  const pictured = () => cards.filter(({ card }) => !card.hidden && card.querySelector("a"));
  let viewed = null;

  function view(card) {
    const all = pictured().map((one) => one.card);
    viewed = card;
    large.src = card.querySelector("a").href;
    large.alt = card.querySelector("img").alt;
    viewer.prepend(large);
    field("viewed").textContent = card.querySelector("h3").textContent;
    field("seen").replaceChildren(...[...card.querySelector("ul").children].map((face) => face.cloneNode(true)));
    field("place").textContent = `${all.indexOf(card) + 1} of ${all.length}`;
    field("previous").disabled = field("next").disabled = all.length < 2;
    if (!viewer.open) viewer.showModal();
  }

  function step(by) {
    const all = pictured().map((one) => one.card);
    view(all[(all.indexOf(viewed) + by + all.length) % all.length]);
  }

  field("cards").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    view(link.closest("#cards > li"));
  });
  field("previous").addEventListener("click", () => step(-1));
  field("next").addEventListener("click", () => step(1));
  field("close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  viewer.addEventListener("close", () => viewed.querySelector("a").focus());

  field("controls").hidden = false;
  for (const id of ["words", "state"]) field(id).addEventListener("input", show);
  show();
  document.documentElement.classList.add("ready");
})();
