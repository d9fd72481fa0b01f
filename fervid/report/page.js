"use strict";
(function () {
  const box = document.getElementById("timeline");
  if (!box) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figure = read("figure-data");
  const config = read("figure-config");
  const zero = Number(box.dataset.zero);
  const fineData = read("figure-fine");
  const fine = refinement(fineData, zero);
  const { people: given, expressions, episodes, boxes } = read("moments");
  const edited = editedPeople(given);
  let lanes = fine.arrange(edited);
  const INK = { sad: "#ffffff", others: "#1b1b1b" };
  const titles = figure.layout.annotations;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 40rem)");
  if (narrow.matches) config.displayModeBar = false;

  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const short = (name) => escaped(name.length > 18 ? `${name.slice(0, 17)}\u2026` : name);
  function marginOf(names) {
    const longest = Math.max(0, ...names.map((name) => Math.min(name.length, 18)));
    return Math.max(narrow.matches ? 66 : 78, 7 * longest + 16);
  }
  // The rows of the lanes, from the top.
  const rows = () => ({
    categoryorder: "array", categoryarray: lanes, tickmode: "array", tickvals: lanes, ticktext: lanes.map(short),
    range: [Math.max(lanes.length, 1) - 0.5, -0.5], autorange: false,
  });

  function theme() {
    const own = {
      "xaxis2.rangeslider.bgcolor": themeColour("--sunken"),
      "xaxis2.rangeslider.bordercolor": themeColour("--rule"),
      "xaxis.spikecolor": themeColour("--muted"),
      "margin.l": marginOf(lanes),
    };
    return { ...figureTheme(figure.layout), ...own };
  }

  const milliseconds = (value) =>
    typeof value === "number"
      ? value
      : Date.parse(value.includes(" ") ? value.replace(" ", "T") + "Z" : value);

  // Episodes get names where there is room in the visible part of the time axis.
  function labels(range, width) {
    const [from, to] = range.map(milliseconds);
    const shown = [];
    for (const run of fine.runs) {
      const left = Math.max(run.left, from);
      const right = Math.min(run.right, to);
      if (((right - left) / (to - from)) * width < 8 * run.name.length + 6) continue;
      shown.push({
        text: run.name, x: (left + right) / 2, y: run.lane, xref: "x", yref: "y2",
        showarrow: false, font: { size: 11, color: INK[run.name] || INK.others },
      });
    }
    const heads = narrow.matches ? titles.map((one) => ({ ...one, text: one.text.replace(/<\/b>.*$/, "</b>") })) : titles;
    return heads.concat(shown);
  }

  const plotWidth = () => box.clientWidth - figure.layout.margin.l - figure.layout.margin.r;

  // Areas and valence are redrawn from the visible bins of the chosen person.
  const who = document.getElementById("who");
  const names = figure.data.slice(0, 7).map((trace) => trace.name);
  const redrawn = [...names.keys(), 7, 8, 9];
  const bars = [...figure.data.entries()].filter(([, trace]) => names.includes(trace.name) && trace.type === "bar");

  // Where each person is seen at all, as thin bars.
  const seenAt = figure.data.findIndex((trace) => trace.name === "seen");
  const seen = (({ base, x, y }) => {
    const [left, width] = [numbers(base), numbers(x)];
    return y.map((name, k) => ({ id: fineData.ids[fineData.names.indexOf(name) - 1], left: left[k], right: left[k] + width[k] }));
  })(figure.data[seenAt]);
  function seenBars() {
    const shown = seen.flatMap(({ id, left, right }) => edited.pieces(id, (left - zero) / 1000, (right - zero) / 1000));
    return {
      base: shown.map(({ from }) => zero + from * 1000),
      x: shown.map(({ from, to }) => (to - from) * 1000),
      y: shown.map(({ person }) => person.name),
    };
  }

  function episodesIn(data, from, to) {
    data[seenAt] = { ...data[seenAt], ...seenBars() };
    const found = fine.bars(from, to, bars.map(([, trace]) => trace.name));
    bars.forEach(([at], k) => { data[at] = { ...data[at], ...found[k] }; });
    return data;
  }

  function refine() {
    const [from, to] = box.layout.xaxis.range.map(milliseconds);
    const { x, y } = fine.part(Number(who.value), from, to, names);
    const data = box.data.slice();
    redrawn.forEach((trace, k) => { data[trace] = { ...data[trace], x: x[k], y: y[k] }; });
    // restyle would forget that the axis shows dates.
    return Plotly.react(box, episodesIn(data, from, to), box.layout, config);
  }

  // Titles name the person whose areas and valence are shown.
  function nameTitles() {
    const whom = escaped(who.selectedOptions[0].textContent);
    titles[0] = { ...titles[0], text: `<b>What ${whom} shows</b>: mean probabilities` };
    titles[2] = { ...titles[2], text: `<b>Valence of ${whom}</b>, derived; band: spread of single frames` };
  }

  function choosePerson() {
    nameTitles();
    rangeChanged();
  }

  function rangeChanged() {
    box.layout.annotations = labels(box.layout.xaxis.range, plotWidth());
    refine();
  }

  // Plotly for Python supports a slider only on the first axis.
  figure.layout.xaxis2.rangeslider.yaxis5 = { rangemode: "fixed", range: [0, 1] };
  for (const [path, value] of Object.entries(theme())) assignTo(figure.layout, path, value);
  Object.assign(figure.layout.yaxis2, rows());
  figure.layout.annotations = labels(figure.layout.xaxis.range, plotWidth());
  episodesIn(figure.data, ...figure.layout.xaxis.range.map(milliseconds));
  // When the window is resized, Plotly sets the figure's height to that of its box.
  const height = figure.layout.height;
  box.style.height = `${height}px`;
  Plotly.newPlot(box, figure.data, figure.layout, config);
  const end = milliseconds(figure.layout.xaxis.range[1]);
  const colours = Object.fromEntries(
    figure.data.filter((trace) => names.includes(trace.name) && trace.line).map(({ name, line }) => [name, line.color]));
  const marks = overlay({
    people: boxes, edited, shares: fine.shares, colours, expressions, origin: zero, episodeAt: fine.episodeAt,
  });
  window.shownAt = marks.seen;
  const pictures = new Map(
    [...document.querySelectorAll(".pictures a")].map((link) => [link.dataset.of, link.querySelector("img").src]));
  const followers = [episodeTable({ data: episodes, edited, expressions, colours, pictures })];
  const { place, now, seek } = playback(box, {
    origin: zero, runs: () => fine.runs, end: (end - zero) / 1000, marks, followers,
  });
  marks.draw(0);
  box.on("plotly_relayout", (change) => {
    const keys = /^(autosize|xaxis2?\.(range|autorange))/;
    if (Object.keys(change).some((key) => keys.test(key))) rangeChanged();
    place();
  });
  who.addEventListener("change", choosePerson);

  const count = document.getElementById("people-count");
  const counted = Number(count.textContent.replaceAll(",", ""));
  // What is written about a face carries the name of the person whom it shows.
  function nameEverything() {
    for (const place of document.querySelectorAll("[data-face]")) {
      const person = edited.at(Number(place.dataset.face), Number(place.dataset.at));
      if (person) place.textContent = person.name;
      place.closest("li, tr").hidden = !person;
    }
    document.querySelectorAll(".before-changes").forEach((words) => { words.hidden = !edited.regrouped; });
    const more = edited.shown.length - given.filter((one) => one.shown).length;
    count.textContent = (counted + more).toLocaleString("en");
  }
  edited.onChange(() => {
    lanes = fine.arrange(edited);
    const chosen = who.selectedOptions[0].textContent;
    [...who.options].slice(1).forEach((option) => option.remove());
    lanes.forEach((name, k) => who.add(new Option(name, String(k + 1))));
    who.value = String(Math.max(0, lanes.indexOf(chosen) + 1));
    Object.assign(box.layout.yaxis2, rows());
    box.layout.margin.l = marginOf(lanes);
    choosePerson();
    nameEverything();
    place();
  });
  peopleTable(edited, {
    together: fine.together,
    now,
    pictures: ({ sources }) => [...pictures].find(([of]) => sources.some(({ id }) => of.startsWith(`${id} `)))?.[1],
  });
  window.addEventListener("resize", () => requestAnimationFrame(place));
  const stem = config.toImageButtonOptions.filename.replace(/-timeline$/, "");
  pictureButtons(document.querySelector(".pictures-of"), (format) => saveFigure(
    { data: box.data, layout: box.layout }, format, `${stem}-timeline`, { "xaxis2.rangeslider.visible": false }));
  followers.push(charts(edited, stem, { origin: zero, seek, now }));
  sharing(edited, stem);
  document.documentElement.classList.add("ready");

  const repaint = () => Plotly.relayout(box, theme());
  dark.addEventListener("change", repaint);
  narrow.addEventListener("change", repaint);

  // In print, the page is white and narrow and has no slider, whatever the screen is.
  function print(printing) {
    const tall = printing ? Math.min(height - 60, 560) : height;
    box.style.height = `${tall}px`;
    document.documentElement.classList.toggle("printing", printing);
    Plotly.relayout(box, {
      ...theme(),
      width: printing ? 640 : null,
      height: tall,
      autosize: !printing,
      "xaxis2.rangeslider.visible": !printing,
    });
  }
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
})();
