"use strict";
(function () {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const config = read("figure-config");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // Heatmaps run from the colour of an empty field to the accent, in light as in dark.
  function paint(box, figure, more) {
    const maps = figure.data.flatMap((trace, k) => (trace.type === "heatmap" ? [k] : []));
    const ends = ["--sunken", "--accent"].map(themeColour);
    const scale = ends.map((colour, k) => [k, colour]);
    const layout = { ...figureTheme(figure.layout), ...more };
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
