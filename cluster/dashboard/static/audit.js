// How well the two rankings of members agree, over the comparisons.
"use strict";
(() => {
  let data = readData();
  drawn(document.getElementById("correlation"), () => ({
    traces: data.correlation.y.some((value) => value !== null)
      ? [{ x: data.correlation.steps, y: data.correlation.y, mode: "lines+markers", name: "rank correlation", line: { color: color(0), width: 1.8 }, marker: { size: 6 } }] : [],
    layout: {
      xaxis: { title: { text: "steps", font: { size: 11, color: css("--quiet") }, standoff: 4 } }, yaxis: { range: [-1.08, 1.08], tickvals: [-1, 0, 1] },
      shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 0, y1: 0, line: { color: css("--quiet"), width: 1, dash: "dot" } }],
    },
  }));
  document.addEventListener("fresh", () => { data = readData(); redraw(); });
})();
