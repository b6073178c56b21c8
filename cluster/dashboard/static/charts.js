// How Plotly draws here: our colors, no toolbar, only what is in view.
"use strict";
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const color = (place) => css(`--c${place % 8}`);
const wash = (hex, alpha) => `rgba(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(",")},${alpha})`;
const readData = () => JSON.parse(document.getElementById("data").textContent);

function layout(changes) {
  const quiet = css("--quiet"), line = css("--line");
  const axis = { gridcolor: line, zeroline: false, linecolor: line, tickcolor: line, automargin: true, tickfont: { size: 11, color: quiet }, fixedrange: false };
  const base = {
    margin: { l: 8, r: 8, t: 8, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.documentElement).fontFamily, size: 12, color: css("--ink") },
    hovermode: "x unified", hoverlabel: { bgcolor: css("--card"), bordercolor: line, font: { size: 12, color: css("--ink") } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11, color: quiet }, itemwidth: 30, bgcolor: "rgba(0,0,0,0)" },
    showlegend: false, dragmode: "zoom", uirevision: "kept",
  };
  const result = { ...base, ...changes };
  result.xaxis = { ...axis, showgrid: false, ticks: "outside", ticklen: 3, nticks: 6, ...(changes.xaxis || {}) };
  result.yaxis = { ...axis, nticks: 5, ...(changes.yaxis || {}) };
  return result;
}
// A logarithmic axis with the numbers 1, 2 and 5 where it spans little, powers of ten where it spans much.
function log(series) {
  const values = series.flat().filter((value) => value > 0);
  const decades = values.length ? Math.log10(Math.max(...values) / Math.min(...values)) : 1;
  return { type: "log", tickformat: "~g", nticks: 0, dtick: decades > 2.5 ? Math.ceil(decades / 5) : "D2" };
}
const config = { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false };

// Charts are drawn when they come into view, and again when data, theme or a choice changes.
const drawings = new Map();
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const drawing = drawings.get(entry.target);
    drawing.visible = entry.isIntersecting;
    if (drawing.visible && drawing.stale) paint(entry.target, drawing);
  }
}, { rootMargin: "200px" });
function paint(element, drawing) {
  drawing.stale = false;
  const { traces, layout: changes } = drawing.make();
  if (element.dataset.drawn !== "empty" && !traces.length) { Plotly.purge(element); element.innerHTML = '<p class="quiet">no values yet</p>'; element.dataset.drawn = "empty"; return; }
  if (!traces.length) return;
  if (element.dataset.drawn === "empty") element.innerHTML = "";
  Plotly.react(element, traces, layout(changes), config);
  element.dataset.drawn = "yes";
}
function drawn(element, make) { drawings.set(element, { make, stale: true, visible: false }); seen.observe(element); }
function redraw() {
  for (const [element, drawing] of drawings) { drawing.stale = true; if (drawing.visible) paint(element, drawing); }
}
for (const name of ["theme", "choice"]) document.addEventListener(name, redraw);
