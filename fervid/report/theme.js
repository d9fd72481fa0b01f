"use strict";
// Figures take their colours from the style sheet.
function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function figureTheme(layout) {
  const patch = {
    paper_bgcolor: themeColour("--raised"),
    "font.color": themeColour("--ink"),
    "font.family": themeColour("--sans"),
    "font.size": 12,
    "hoverlabel.bgcolor": themeColour("--raised"),
    "hoverlabel.bordercolor": themeColour("--rule"),
    "hoverlabel.font.color": themeColour("--ink"),
    "modebar.bgcolor": "rgba(0,0,0,0)",
    "modebar.color": themeColour("--faint"),
    "modebar.activecolor": themeColour("--ink"),
  };
  for (const axis of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    patch[axis + ".gridcolor"] = themeColour("--grid");
    patch[axis + ".zerolinecolor"] = themeColour("--faint");
    patch[axis + ".linecolor"] = themeColour("--rule");
    patch[axis + ".tickcolor"] = themeColour("--rule");
    patch[axis + ".tickfont.color"] = themeColour("--muted");
  }
  return patch;
}
