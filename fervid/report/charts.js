"use strict";
function assignTo(target, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  const owner = keys.reduce((at, key) => (at[key] = at[key] || {}), target);
  owner[last] = value;
}

const escapedText = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

// Saves a figure as a picture as wide as a slide, in light colours whatever the page has.
function saveFigure({ data, layout }, format, filename, more = {}) {
  const root = document.documentElement;
  root.classList.add("printing");
  const size = { width: 1280, height: layout.height };
  const made = structuredClone(layout);
  const look = { ...figureTheme(layout), paper_bgcolor: "#ffffff", autosize: false, ...size, ...more };
  for (const [path, value] of Object.entries(look)) assignTo(made, path, value);
  root.classList.remove("printing");
  return Plotly.downloadImage({ data, layout: made }, { format, filename, ...size, scale: format === "png" ? 2 : 1 });
}

function pictureButtons(place, act) {
  place.addEventListener("click", (event) => {
    const format = event.target.closest("button")?.dataset.as;
    if (format) act(format);
  });
}

// The figures below the timeline; each is drawn when it comes into view. Returns a function that
// places their play heads.
function charts(edited, stem, { origin, seek, now }) {
  const PAPER_PX = 640;
  const config = { displayModeBar: false, responsive: true };
  const places = [...document.querySelectorAll("#charts .plot")];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const parsed = new Map();
  const read = (name) => {
    if (!parsed.has(name)) parsed.set(name, JSON.parse(document.getElementById(`chart-${name}`).textContent));
    return parsed.get(name);
  };
  const follows = document.getElementById("follows-of");
  const called = (id) => edited.people.find(({ sources }) => sources.some((one) => one.id === Number(id)))?.name ?? `face ${id}`;

  function named(figure, name, version) {
    const { layout } = figure;
    for (const note of layout.annotations ?? []) {
      const id = /^person (\d+)$/.exec(note.name ?? "")?.[1];
      if (id) note.text = `<b>${escapedText(called(id))}</b>`;
    }
    const rows = (keys) => keys.split(" ").map((id) => escapedText(called(id))).join(" + ");
    if (name === "strip" || name === "together") layout.yaxis.ticktext = layout.yaxis.tickvals.map(rows);
    if (version > 0) {
      const who = escapedText(called(follows.options[version].dataset.lane));
      layout.title.text = layout.title.text.replace(/<b>.*?<\/b>/, `<b>Which expression follows which: ${who}</b>`);
    }
    return figure;
  }

  // The figure that is chosen in a place, under the names of today.
  function chosen(place) {
    const choice = document.getElementById(place.dataset.chosenBy);
    const name = choice ? choice.value : place.dataset.charts;
    const version = place.dataset.versionBy ? Number(follows.value) : 0;
    return { name, figure: named(read(name)[version], name, version) };
  }

  // The title loses its second half, and the legend has room for several lines.
  function makeNarrow(layout) {
    const [title, legend] = [(1 - layout.title.y) * layout.height, (1 - layout.legend.y) * layout.height];
    const more = layout.xaxis.side === "top" ? 0 : 48;
    layout.height += more;
    layout.margin.t += more;
    layout.title.text = layout.title.text.replace(/<\/b>.*$/, "</b>");
    layout.title.font.size = 12;
    layout.title.y = 1 - title / layout.height;
    layout.legend.y = 1 - legend / layout.height;
    layout.legend.font = { size: 10 };
    for (const axis of Object.keys(layout).filter((key) => /^xaxis/.test(key) && layout[key].type === "date")) layout[axis].nticks = 4;
  }

  function draw(place, width = null) {
    const { figure } = chosen(place);
    const layout = structuredClone(figure.layout);
    for (const [path, value] of Object.entries(figureTheme(layout))) assignTo(layout, path, value);
    if ((width ?? place.clientWidth) <= PAPER_PX) makeNarrow(layout);
    if (width) Object.assign(layout, { width, autosize: false });
    place.style.height = `${layout.height}px`;
    place.dataset.drawn = "";
    Plotly.react(place, figure.data, layout, config);
    heads.get(place)(now());
  }

  const heads = new Map(places.map((place) => [place, overTime(place, place.previousElementSibling, { origin, seek })]));
  const placeHeads = (time) => heads.forEach((placeHead) => placeHead(time));
  window.addEventListener("resize", () => requestAnimationFrame(() => placeHeads(now())));
  const waiting = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      waiting.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "200px" });

  for (const place of places) {
    const buttons = document.createElement("p");
    buttons.className = "buttons";
    for (const format of ["PNG", "SVG"]) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: format });
      button.dataset.as = format.toLowerCase();
      button.setAttribute("aria-label", `${place.getAttribute("aria-label")}: save as ${format}`);
      buttons.append(button);
    }
    place.after(buttons);
    pictureButtons(buttons, (format) => {
      const { name, figure } = chosen(place);
      saveFigure(figure, format, `${stem}-${name}`);
    });
    for (const by of [place.dataset.chosenBy, place.dataset.versionBy]) {
      document.getElementById(by)?.addEventListener("change", () => draw(place));
    }
    waiting.observe(place);
  }
  const again = () => places.filter((place) => "drawn" in place.dataset).forEach((place) => draw(place));
  edited.onChange(() => {
    for (const option of follows.querySelectorAll("option[data-lane]")) option.textContent = called(option.dataset.lane);
    again();
  });
  dark.addEventListener("change", again);
  const onPaper = (printing) => {
    document.documentElement.classList.toggle("printing", printing);
    places.forEach((place) => draw(place, printing ? PAPER_PX : null));
  };
  window.addEventListener("beforeprint", () => onPaper(true));
  window.addEventListener("afterprint", () => onPaper(false));
  return placeHeads;
}
