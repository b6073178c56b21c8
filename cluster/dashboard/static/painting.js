// The theatre of a painting: its moments, and where the strokes were searched. The address says which moment (#s3000).
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), last = data.stops.length - 1, all = data.stops[last];
  const canvas = document.getElementById("painting"), ink = canvas.getContext("2d"), frames = new Image(), [width, height] = data.frame;
  const scrubber = document.getElementById("scrubber"), play = document.getElementById("play"), drawing = document.getElementById("drawing");
  const chart = document.getElementById("curve"), showStrokes = document.getElementById("show-strokes"), showWindows = document.getElementById("show-windows");
  const counts = [...document.querySelectorAll("#stages tr")].map((row) => row.cells[1]);
  const x = (at) => (400 * at) / Math.max(1, last), y = (at) => 118 - 106 * data.heights[at];
  let moment = last, timer = null;

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
  function show(next, tell = true) {
    moment = Math.max(0, Math.min(last, next));
    if (frames.complete && frames.naturalWidth) ink.drawImage(frames, (moment % data.columns) * width, Math.floor(moment / data.columns) * height, width, height, 0, 0, width, height);
    draw();
    scrubber.value = moment;
    scrubber.setAttribute("aria-valuetext", `after ${data.stops[moment]} of ${all} strokes`);
    document.getElementById("where").textContent = `${data.stops[moment]} / ${all}`;
    counts.forEach((cell, stage) => { cell.textContent = String(data.stages[moment][stage]).replace(/\B(?=(\d{3})+$)/g, "\u202f"); });
    if (chart) {
      document.getElementById("value").textContent = data.values[moment].toPrecision(3);
      cursor.setAttribute("d", `M${x(moment)} 4V126`);
      dot.setAttribute("d", `M${x(moment)} ${y(moment)}h0`);
    }
    if (tell) history.replaceState(null, "", `#s${data.stops[moment]}`);
  }
  function stop() { clearInterval(timer); timer = null; play.setAttribute("aria-pressed", "false"); play.lastElementChild.textContent = "Play"; }
  function start() {
    if (moment === last) show(0);
    play.setAttribute("aria-pressed", "true"); play.lastElementChild.textContent = "Pause";
    timer = setInterval(() => { show(moment + 1); if (moment === last) stop(); }, Math.max(160, Math.min(700, 8000 / Math.max(1, last))));
  }
  play.addEventListener("click", () => (timer ? stop() : start()));
  scrubber.addEventListener("input", () => { stop(); show(Number(scrubber.value)); });
  showStrokes.addEventListener("change", draw);
  showWindows?.addEventListener("change", draw);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.type === "checkbox") return;
    const moves = { ArrowLeft: moment - 1, ArrowRight: moment + 1, Home: 0, End: last };
    if (event.key in moves) { event.preventDefault(); stop(); show(moves[event.key]); }
    if (event.key === " " && !event.target.closest("button, a")) { event.preventDefault(); play.click(); }
    if (event.key === "p") showStrokes.click();
    if (event.key === "w") showWindows?.click();
  });
  const asked = () => { const match = /^#s(\d+)$/.exec(location.hash), at = match ? data.stops.findIndex((count) => count >= Number(match[1])) : last; return at < 0 ? last : at; };
  addEventListener("hashchange", () => { stop(); show(asked(), false); });
  frames.addEventListener("load", () => show(moment, false));
  // The server's answer says why; an exported page opened as a file has nobody to ask.
  frames.addEventListener("error", async () => {
    let reason = "frames.jpg is missing or damaged.";
    if (location.protocol.startsWith("http")) reason = await fetch(frames.src).then((answer) => (answer.ok ? "the picture is damaged." : answer.text()), () => "the server does not answer.");
    const notice = document.getElementById("failed");
    notice.textContent = `The frames could not be loaded: ${reason.trim()}`; notice.hidden = false;
  });
  frames.src = canvas.dataset.src;
  show(asked(), false);
})();
