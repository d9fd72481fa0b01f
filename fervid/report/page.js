"use strict";
(function () {
  const box = document.getElementById("timeline");
  if (!box) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figure = read("figure-data");
  const config = read("figure-config");
  const fine = refinement(read("figure-fine"));
  const runs = fine.runs;
  const INK = { sad: "#ffffff", others: "#1b1b1b" };
  const titles = figure.layout.annotations;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 40rem)");
  if (narrow.matches) config.displayModeBar = false;

  function theme() {
    const own = {
      "xaxis2.rangeslider.bgcolor": themeColour("--sunken"),
      "xaxis2.rangeslider.bordercolor": themeColour("--rule"),
      "xaxis.spikecolor": themeColour("--muted"),
      "margin.l": narrow.matches ? 66 : 78,
    };
    return { ...figureTheme(figure.layout), ...own };
  }

  function assign(target, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    const owner = keys.reduce((at, key) => (at[key] = at[key] || {}), target);
    owner[last] = value;
  }

  const milliseconds = (value) =>
    typeof value === "number"
      ? value
      : Date.parse(value.includes(" ") ? value.replace(" ", "T") + "Z" : value);

  // Episodes get names where there is room in the visible part of the time axis.
  function labels(range, width) {
    const [from, to] = range.map(milliseconds);
    const shown = [];
    for (const run of runs) {
      const left = Math.max(run.left, from);
      const right = Math.min(run.right, to);
      if (((right - left) / (to - from)) * width < 8 * run.name.length + 6) continue;
      shown.push({
        text: run.name, x: (left + right) / 2, y: run.lane, xref: "x", yref: "y2",
        showarrow: false, font: { size: 11, color: INK[run.name] || INK.others },
      });
    }
    return titles.concat(shown);
  }

  const plotWidth = () => box.clientWidth - figure.layout.margin.l - figure.layout.margin.r;

  // Areas and valence are redrawn from the visible bins of the chosen person.
  const who = document.getElementById("who");
  const names = figure.data.slice(0, 7).map((trace) => trace.name);
  const redrawn = [...names.keys(), 7, 8, 9];
  const bars = [...figure.data.entries()].filter(([, trace]) => names.includes(trace.name) && trace.type === "bar");

  function episodesIn(data, from, to) {
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

  function rangeChanged() {
    box.layout.annotations = labels(box.layout.xaxis.range, plotWidth());
    refine();
  }

  // Plotly for Python supports a slider only on the first axis.
  figure.layout.xaxis2.rangeslider.yaxis5 = { rangemode: "fixed", range: [0, 1] };
  for (const [path, value] of Object.entries(theme())) assign(figure.layout, path, value);
  figure.layout.annotations = labels(figure.layout.xaxis.range, plotWidth());
  episodesIn(figure.data, ...figure.layout.xaxis.range.map(milliseconds));
  // When the window is resized, Plotly sets the figure's height to that of its box.
  const height = figure.layout.height;
  box.style.height = `${height}px`;
  Plotly.newPlot(box, figure.data, figure.layout, config);
  const end = milliseconds(figure.layout.xaxis.range[1]);
  const zero = Number(box.dataset.zero);
  const { names: people, expressions, episodes, boxes } = read("moments");
  const colours = Object.fromEntries(
    figure.data.filter((trace) => names.includes(trace.name) && trace.line).map(({ name, line }) => [name, line.color]));
  const marks = overlay({
    people: boxes, shares: fine.shares, colours, expressions, origin: zero,
    episodeAt: (lane, at) => runs.find((run) => run.place === lane && run.left <= at && at < run.right)?.name ?? null,
  });
  window.shownAt = marks.seen;
  const pictures = new Map(
    [...document.querySelectorAll(".pictures a")].map((link) => [link.dataset.of, link.querySelector("img").src]));
  const followers = [episodeTable({ data: episodes, names: people, expressions, colours, pictures })];
  const place = playback(box, {
    toMilliseconds: milliseconds, origin: zero, runs, end: (end - zero) / 1000, marks, followers,
  });
  marks.draw(0);
  box.on("plotly_relayout", (change) => {
    const keys = /^(autosize|xaxis2?\.(range|autorange))/;
    if (Object.keys(change).some((key) => keys.test(key))) rangeChanged();
    place();
  });
  who.addEventListener("change", refine);
  window.addEventListener("resize", () => requestAnimationFrame(place));
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
