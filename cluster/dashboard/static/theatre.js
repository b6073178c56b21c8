// The stroke theatre: one painting, frame by frame. The address says which frame (#s3).
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), last = data.acts.length;
  const scrubber = document.getElementById("scrubber"), rows = [...document.querySelectorAll("#actions tr")];
  const chart = document.getElementById("score-chart"), showPen = document.getElementById("show-pen"), pen = document.getElementById("pen");
  const part = (id) => document.getElementById(`pen-${id}`);
  const low = Math.min(...data.scores), high = Math.max(...data.scores), span = high - low || 1;
  const x = (step) => (400 * step) / Math.max(1, last), y = (score) => 118 - (106 * (score - low)) / span;
  let step = last;

  const svg = (name, attributes) => { const each = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, value] of Object.entries(attributes)) each.setAttribute(key, value); return each; };
  const cursor = svg("path", { class: "cursor" }), dot = svg("path", { class: "dot" });
  chart.append(
    svg("path", { class: "base", d: `M0 ${y(data.scores[0])}H400` }),
    svg("path", { d: data.scores.map((score, at) => `${at ? "L" : "M"}${x(at)} ${y(score)}`).join("") }), cursor, dot,
  );

  function drawPen() {
    const act = data.acts[step - 1];
    pen.style.visibility = act && showPen.checked && (act.paints || !data.free) ? "visible" : "hidden";
    if (!act) return;
    const [sx, sy] = act.start, [cx, cy] = act.control, [ex, ey] = act.end;
    const way = act.paints ? `M${sx} ${sy}Q${cx} ${cy} ${ex} ${ey}` : `M${sx} ${sy}L${ex} ${ey}`;
    part("path").setAttribute("d", way);
    part("shade").setAttribute("d", way);
    part("path").classList.toggle("lifted", !act.paints);
    part("handle").setAttribute("d", act.paints ? `M${sx} ${sy}L${cx} ${cy}L${ex} ${ey}` : "");
    part("from").setAttribute("cx", sx); part("from").setAttribute("cy", sy);
    part("to").setAttribute("cx", ex); part("to").setAttribute("cy", ey);
  }
  function show(at) {
    step = at;
    drawPen();
    scrubber.setAttribute("aria-valuetext", `after ${step} of ${last} actions, score ${data.scores[step]}`);
    document.getElementById("where").textContent = `${step} / ${last}`;
    document.getElementById("score").textContent = data.scores[step].toFixed(3).replace("-", "\u2212");
    cursor.setAttribute("d", `M${x(step)} 4V126`);
    dot.setAttribute("d", `M${x(step)} ${y(data.scores[step])}h0`);
    for (const row of rows) { if (Number(row.dataset.step) === step) row.setAttribute("aria-current", "step"); else row.removeAttribute("aria-current"); }
  }
  showPen.addEventListener("change", drawPen);
  const go = player({ last, seconds: 5, columns: data.columns, frame: [data.size, data.size], keys: { p: showPen }, draw: show });
  for (const row of rows) row.addEventListener("click", () => go(Number(row.dataset.step)));
})();
