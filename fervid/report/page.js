"use strict";
(function () {
  const box = document.getElementById("timeline");
  if (!box) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figure = read("figure-data");
  const config = read("figure-config");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 40rem)");

  // The colours live in the style sheet only; the figure borrows them from there.
  function theme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const patch = {
      "font.color": colour("--ink"),
      "font.family": style.getPropertyValue("--sans").trim(),
      "font.size": 12,
      "hoverlabel.bgcolor": colour("--raised"),
      "hoverlabel.bordercolor": colour("--rule"),
      "hoverlabel.font.color": colour("--ink"),
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": colour("--faint"),
      "modebar.activecolor": colour("--ink"),
      "xaxis2.rangeslider.bgcolor": colour("--sunken"),
      "xaxis2.rangeslider.bordercolor": colour("--rule"),
      "margin.l": narrow.matches ? 58 : 78,
    };
    for (const axis of ["xaxis", "yaxis", "yaxis2", "yaxis3", "yaxis4"]) {
      patch[axis + ".gridcolor"] = colour("--grid");
      patch[axis + ".zerolinecolor"] = colour("--faint");
      patch[axis + ".linecolor"] = colour("--rule");
      patch[axis + ".tickcolor"] = colour("--rule");
      patch[axis + ".tickfont.color"] = colour("--muted");
    }
    patch["xaxis.spikecolor"] = colour("--muted");
    return patch;
  }

  function assign(target, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    const owner = keys.reduce((at, key) => (at[key] = at[key] || {}), target);
    owner[last] = value;
  }

  for (const [path, value] of Object.entries(theme())) assign(figure.layout, path, value);
  Plotly.newPlot(box, figure.data, figure.layout, config);

  const repaint = () => Plotly.relayout(box, theme());
  dark.addEventListener("change", repaint);
  narrow.addEventListener("change", repaint);
  window.addEventListener("beforeprint", repaint);
  window.addEventListener("afterprint", repaint);
})();
