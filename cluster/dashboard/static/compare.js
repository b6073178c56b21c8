// One metric of several runs in each chart; a run has the same color in all of them.
"use strict";
(() => {
  if (!document.getElementById("data")) return;
  let runs = readData();
  const values = (run, chart) => (chart.kind === "points" ? run.points.y[chart.metric] : run.series[chart.metric]?.mean) || [];

  function traces(chart) {
    const axis = chosen("x");
    return runs.map((run, place) => ({ run, place, y: values(run, chart) })).filter(({ y }) => y.some((value) => value !== null)).map(({ run, place, y }) => ({
      x: chart.kind === "points" ? run.points[axis] : run.x[axis], y, name: run.name, connectgaps: chart.kind === "points",
      mode: chart.kind === "points" ? "lines+markers" : "lines", marker: { size: 6 },
      line: { color: color(place), width: 1.6, dash: place < 8 ? "solid" : "dash" },
    }));
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    const chart = JSON.parse(element.dataset.chart);
    drawn(element, () => ({
      traces: traces(chart),
      layout: {
        xaxis: { title: { text: chosen("x"), font: { size: 11, color: css("--quiet") }, standoff: 4 } },
        yaxis: chart.logarithmic ? log(runs.map((run) => values(run, chart))) : {},
      },
    }));
  }
  document.addEventListener("fresh", () => { runs = readData(); redraw(); });
})();
