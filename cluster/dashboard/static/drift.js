// Hyper-parameters over steps, on logarithmic axes.
"use strict";
(() => {
  let data = readData();
  for (const element of document.querySelectorAll("[data-drift]")) {
    drawn(element, () => {
      const chart = data.drift[Number(element.dataset.drift)];
      return {
        traces: (chart?.lines || []).map((line) => ({
          x: line.x, y: line.y, text: line.text, mode: "lines", connectgaps: false, opacity: line.live ? 1 : 0.28,
          line: { color: color(line.color), width: line.live ? 2.6 : 1.8 }, hovertemplate: "%{y:.3g} at %{x:.3s} steps<br>%{text}<extra></extra>",
        })),
        layout: { hovermode: "closest", xaxis: { title: { text: "steps", font: { size: 11, color: css("--quiet") }, standoff: 4 } }, yaxis: log((chart?.lines || []).map((line) => line.y)) },
      };
    });
  }
  document.addEventListener("fresh", () => { data = readData(); redraw(); });
})();
