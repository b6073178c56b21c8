// The curves of a run.
"use strict";
(() => {
  let data = readData();
  // A break between branches: nothing is drawn across it.
  const broken = (values) => { const result = [...values]; for (const at of [...data.breaks].reverse()) result.splice(at, 0, null); return result; };

  function traces(chart) {
    const axis = chosen("x"), x = broken(data.x[axis]), result = [];
    chart.series.forEach(([name, label], place) => {
      const one = chart.series.length === 1, line = color(place);
      if (chart.kind === "points") {
        const y = data.points.y[name] || [];
        if (y.length) result.push({ x: data.points[axis], y, connectgaps: true, name: label, mode: "lines+markers", line: { color: line, width: 1.6 }, marker: { size: 6 } });
        return;
      }
      const series = data.series[name];
      if (!series) return;
      const mean = broken(series.mean);
      if (one && series.low && !chart.logarithmic && !data.breaks.length) {
        const kept = series.low.map((value, at) => (value === null || series.high[at] === null ? -1 : at)).filter((at) => at >= 0);
        result.push({
          x: [...kept.map((at) => data.x[axis][at]), ...[...kept].reverse().map((at) => data.x[axis][at])],
          y: [...kept.map((at) => series.low[at]), ...[...kept].reverse().map((at) => series.high[at])],
          fill: "toself", fillcolor: wash(line, 0.16), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false,
        });
      }
      const dash = place % 3 === 1 && chart.kind !== "share" ? "5px 2px" : place % 3 === 2 && chart.kind !== "share" ? "2px 2px" : "solid";
      result.push({
        x, y: mean, name: label, mode: "lines", connectgaps: false, line: { color: line, width: chart.kind === "share" ? 0.5 : 1.6, dash },
        ...(chart.kind === "share" ? { stackgroup: "all", fillcolor: wash(line, 0.75), hovertemplate: "%{y:.0%}" } : {}),
      });
    });
    return result;
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    const chart = JSON.parse(element.dataset.chart);
    drawn(element, () => ({
      traces: traces(chart),
      layout: {
        showlegend: chart.series.length > 1,
        xaxis: { title: { text: chosen("x"), font: { size: 11, color: css("--quiet") }, standoff: 4 } },
        yaxis: chart.logarithmic ? log(chart.kind === "points" ? chart.series.map(([name]) => data.points.y[name] || []) : chart.series.map(([name]) => data.series[name]?.mean || [])) : chart.kind === "share" ? { range: [0, 1], tickformat: ".0%" } : {},
        shapes: chosen("x") === "updates" ? data.resumes.map((at) => ({ type: "line", x0: at, x1: at, yref: "paper", y0: 0, y1: 1, line: { color: css("--quiet"), width: 1, dash: "dot" } })) : [],
      },
    }));
  }
  document.addEventListener("fresh", () => { data = readData(); redraw(); });
})();
