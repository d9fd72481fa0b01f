"use strict";
(function () {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const config = read("figure-config");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // The colours live in the style sheet only; the figures borrow them from there.
  function theme(layout) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const patch = {
      paper_bgcolor: colour("--raised"),
      "font.color": colour("--ink"),
      "font.family": style.getPropertyValue("--sans").trim(),
      "font.size": 12,
      "hoverlabel.bgcolor": colour("--raised"),
      "hoverlabel.bordercolor": colour("--rule"),
      "hoverlabel.font.color": colour("--ink"),
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": colour("--faint"),
      "modebar.activecolor": colour("--ink"),
    };
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
      patch[axis + ".gridcolor"] = colour("--grid");
      patch[axis + ".zerolinecolor"] = colour("--faint");
      patch[axis + ".linecolor"] = colour("--rule");
      patch[axis + ".tickcolor"] = colour("--rule");
      patch[axis + ".tickfont.color"] = colour("--muted");
    }
    return patch;
  }

  // Heatmaps run from the colour of an empty field to the accent, in light as in dark.
  function paint(box, figure, more) {
    const maps = figure.data.flatMap((trace, k) => (trace.type === "heatmap" ? [k] : []));
    const style = getComputedStyle(document.documentElement);
    const ends = ["--sunken", "--accent"].map((name) => style.getPropertyValue(name).trim());
    const scale = ends.map((colour, k) => [k, colour]);
    const layout = { ...theme(figure.layout), ...more };
    if (maps.length) Plotly.update(box, { colorscale: [scale] }, layout, maps);
    else Plotly.relayout(box, layout);
  }

  for (const [id, figure] of Object.entries(figures)) {
    const box = document.getElementById(id);
    Plotly.newPlot(box, figure.data, figure.layout, config).then(() => paint(box, figure));
    dark.addEventListener("change", () => paint(box, figure));
    // Paper is white and narrow, also when the screen is dark and wide.
    const print = (printing) => {
      document.documentElement.classList.toggle("printing", printing);
      paint(box, figure, { width: printing ? 640 : null, autosize: !printing });
    };
    window.addEventListener("beforeprint", () => print(true));
    window.addEventListener("afterprint", () => print(false));
  }
})();
