// The theatre of a painting: its moments, and where the strokes were searched. The address says which moment (#s3000).
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), last = data.stops.length - 1, all = data.stops[last];
  const scrubber = document.getElementById("scrubber"), drawing = document.getElementById("drawing");
  const chart = document.getElementById("curve"), showStrokes = document.getElementById("show-strokes"), showWindows = document.getElementById("show-windows");
  const counts = [...document.querySelectorAll("#stages tr")].map((row) => row.cells[1]);
  const x = (at) => (400 * at) / Math.max(1, last), y = (at) => 118 - 106 * data.heights[at];
  let moment = last;

  const svg = (name, attributes) => { const each = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, value] of Object.entries(attributes)) each.setAttribute(key, value); return each; };
  const cursor = svg("path", { class: "cursor" }), dot = svg("path", { class: "dot" });
  chart?.append(svg("path", { d: data.stops.map((_, at) => `${at ? "L" : "M"}${x(at)} ${y(at)}`).join("") }), cursor, dot);

  // One path for each stage, on a light one of all that keeps them readable on any paint.
  function layers(items, kind, path) {
    const ways = new Map();
    for (const item of items) { const stage = item[item.length - 1]; ways.set(stage, (ways.get(stage) ?? "") + path(item)); }
    if (!ways.size) return [];
    return [svg("path", { class: `${kind} shade`, d: [...ways.values()].join("") }), ...[...ways].map(([stage, way]) => svg("path", { class: `${kind} c${stage}`, d: way }))];
  }
  function draw() {
    const strokes = showStrokes.checked ? data.drawn[moment] : [], windows = showWindows?.checked ? data.windows[moment] : [];
    drawing.replaceChildren(
      ...layers(windows, "window", ([left, top, side]) => `M${left} ${top}h${side}v${side}h${-side}z`),
      ...layers(strokes, "stroke", ([sx, sy, cx, cy, ex, ey]) => `M${sx} ${sy}Q${cx} ${cy} ${ex} ${ey}`),
    );
    const made = moment ? data.stops[moment] - data.stops[moment - 1] : 0;
    document.getElementById("drawn").textContent = strokes.length < made && strokes.length ? `${strokes.length} of ${made} strokes drawn` : "";
  }
  function show(at) {
    moment = at;
    draw();
    scrubber.setAttribute("aria-valuetext", `after ${data.stops[moment]} of ${all} strokes`);
    document.getElementById("where").textContent = `${data.stops[moment]} / ${all}`;
    counts.forEach((cell, stage) => { cell.textContent = String(data.stages[moment][stage]).replace(/\B(?=(\d{3})+$)/g, "\u202f"); });
    if (chart) {
      document.getElementById("value").textContent = data.values[moment].toPrecision(3);
      cursor.setAttribute("d", `M${x(moment)} 4V126`);
      dot.setAttribute("d", `M${x(moment)} ${y(moment)}h0`);
    }
  }
  showStrokes.addEventListener("change", draw);
  showWindows?.addEventListener("change", draw);
  const momentOf = (count) => { const at = data.stops.findIndex((stop) => stop >= count); return at < 0 ? last : at; };
  player({ last, seconds: 8, columns: data.columns, frame: data.frame, keys: { p: showStrokes, w: showWindows }, draw: show, numberOf: (at) => data.stops[at], momentOf });
})();
