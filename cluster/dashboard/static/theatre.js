// The stroke theatre: one painting, frame by frame. The address says which frame (#s3).
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), last = data.acts.length;
  const canvas = document.getElementById("painting"), ink = canvas.getContext("2d"), frames = new Image();
  const scrubber = document.getElementById("scrubber"), play = document.getElementById("play"), rows = [...document.querySelectorAll("#actions tr")];
  const chart = document.getElementById("score-chart"), showPen = document.getElementById("show-pen"), pen = document.getElementById("pen");
  const part = (id) => document.getElementById(`pen-${id}`);
  const low = Math.min(...data.scores), high = Math.max(...data.scores), span = high - low || 1;
  const x = (step) => (400 * step) / Math.max(1, last), y = (score) => 118 - (106 * (score - low)) / span;
  let step = last, timer = null;

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
  function show(next, tell = true) {
    step = Math.max(0, Math.min(last, next));
    if (frames.complete && frames.naturalWidth) ink.drawImage(frames, (step % data.columns) * data.size, Math.floor(step / data.columns) * data.size, data.size, data.size, 0, 0, data.size, data.size);
    drawPen();
    scrubber.value = step;
    scrubber.setAttribute("aria-valuetext", `after ${step} of ${last} actions, score ${data.scores[step]}`);
    document.getElementById("where").textContent = `${step} / ${last}`;
    document.getElementById("score").textContent = data.scores[step].toFixed(3).replace("-", "\u2212");
    cursor.setAttribute("d", `M${x(step)} 4V126`);
    dot.setAttribute("d", `M${x(step)} ${y(data.scores[step])}h0`);
    for (const row of rows) { if (Number(row.dataset.step) === step) row.setAttribute("aria-current", "step"); else row.removeAttribute("aria-current"); }
    if (tell) history.replaceState(null, "", `#s${step}`);
  }
  function stop() { clearInterval(timer); timer = null; play.setAttribute("aria-pressed", "false"); play.lastElementChild.textContent = "Play"; }
  function start() {
    if (step === last) show(0);
    play.setAttribute("aria-pressed", "true"); play.lastElementChild.textContent = "Pause";
    timer = setInterval(() => { show(step + 1); if (step === last) stop(); }, Math.max(160, Math.min(700, 5000 / last)));
  }
  play.addEventListener("click", () => (timer ? stop() : start()));
  scrubber.addEventListener("input", () => { stop(); show(Number(scrubber.value)); });
  showPen.addEventListener("change", drawPen);
  for (const row of rows) row.addEventListener("click", () => { stop(); show(Number(row.dataset.step)); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.type === "checkbox") return;
    const moves = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: last };
    if (event.key in moves) { event.preventDefault(); stop(); show(moves[event.key]); }
    if (event.key === " " && !event.target.closest("button, a")) { event.preventDefault(); play.click(); }
    if (event.key === "p") showPen.click();
  });
  const asked = () => { const match = /^#s(\d+)$/.exec(location.hash); return match ? Number(match[1]) : last; };
  addEventListener("hashchange", () => { stop(); show(asked(), false); });
  frames.addEventListener("load", () => show(step, false));
  // The server's answer says why; an exported page opened as a file has nobody to ask.
  frames.addEventListener("error", async () => {
    let reason = "frames.png is missing or damaged.";
    if (location.protocol.startsWith("http")) reason = await fetch(frames.src).then((answer) => (answer.ok ? "the picture is damaged." : answer.text()), () => "the server does not answer.");
    const notice = document.getElementById("failed");
    notice.textContent = `The frames could not be loaded: ${reason.trim()}`; notice.hidden = false;
  });
  frames.src = canvas.dataset.src;
  show(asked(), false);
})();
