"use strict";
// Draws the figures of a page in the colours of the style sheet, light or dark.
(async function () {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = read("config");
  for (const plot of plots) {
    const { data, layout } = read(plot.dataset.figure);
    await Plotly.newPlot(plot, data, layout, config);
    await Plotly.relayout(plot, figureTheme(layout));
  }
  const repaint = () => plots.forEach((plot) => Plotly.relayout(plot, figureTheme(plot.layout)));
  dark.addEventListener("change", repaint);
  // A line marks the current moment of the stimulus; a click in the figure seeks.
  const video = document.getElementById("stimulus");
  const plot = plots[0];
  if (video && plot) {
    const head = document.createElement("div");
    head.className = "head";
    plot.style.position = "relative";
    plot.append(head);
    const move = () => {
      const axis = plot._fullLayout.xaxis;
      const x = axis.l2p(video.currentTime);
      head.hidden = x < 0 || x > axis._length;
      head.style.left = `${axis._offset + x}px`;
    };
    video.addEventListener("timeupdate", move);
    plot.on("plotly_relayout", move);
    plot.on("plotly_click", (event) => { video.currentTime = event.points[0].x; });
    move();
  }
  document.documentElement.classList.add("ready");
})();
