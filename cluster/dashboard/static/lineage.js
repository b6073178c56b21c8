// Lineage: a click on a branch shows its path and the curve along it. The address says which (#branch-6).
"use strict";
(() => {
  if (!document.getElementById("lanes")) return;
  let data = readData(), picked = null;
  const number = (value) => (value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : String(Math.round(value)));
  const short = (value) => (value && Math.abs(value) < 1e-3 ? value.toExponential(2).replace("-", "\u2212") : Number(value.toPrecision(3)).toString());

  function path(branch) {
    const result = [];
    for (let at = branch; at !== null && at !== undefined && data.branches[at] && !result.includes(at); at = data.branches[at].parent) result.unshift(at);
    return result;
  }
  // Each ancestor up to where the next one forked off.
  const until = (way, place) => (place + 1 < way.length ? data.branches[way[place + 1]].start : Infinity);
  function stitched(way, name) {
    return way.map((at, place) => {
      const branch = data.branches[at], series = data.series[branch.member], points = { at, x: [], y: [] };
      const add = (steps, y) => { if (steps !== null && y !== null && steps >= branch.start && steps <= until(way, place)) { points.x.push(steps); points.y.push(y); } };
      if (name === "fitness") (data.fitness[at]?.steps || []).forEach((steps, i) => add(steps, data.fitness[at].y[i]));
      else if (series && name === "distance") series.evaluations.steps.forEach((steps, i) => { if (series.evaluations.branch[i] === at) add(steps, series.evaluations.y[i]); });
      else if (series?.curves[name]) series.steps.forEach((steps, i) => { if (series.branch[i] === at) add(steps, series.curves[name][i]); });
      return points;
    });
  }
  function show() {
    const match = /^#branch-(\d+)$/.exec(location.hash);
    picked = match && data.branches[match[1]] ? Number(match[1]) : data.best;
    if (picked === null) picked = Number(Object.keys(data.branches).find((at) => data.branches[at].current) ?? Object.keys(data.branches)[0]);
    const way = path(picked), here = data.branches[picked];
    if (!here) return;
    document.querySelector("#lanes .lanes").classList.toggle("chosen", Boolean(match));
    for (const each of document.querySelectorAll(".branch")) {
      const on = Boolean(match) && way.includes(Number(each.dataset.branch));
      each.classList.toggle("on", on);
      if (Number(each.dataset.branch) === picked && match) each.setAttribute("aria-current", "true"); else each.removeAttribute("aria-current");
    }
    const lanes = document.querySelector("#lanes .lanes"), marks = document.getElementById("way");
    const x = (steps) => Number(lanes.dataset.left) + Number(lanes.dataset.scale) * steps;
    marks.replaceChildren(...(match ? way : []).map((at, place) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path"), branch = data.branches[at];
      const y = document.querySelector(`[data-branch="${at}"]`).dataset.y;
      line.setAttribute("d", `M${x(branch.start)} ${y}H${x(Math.min(branch.end, until(way, place)))}`);
      line.setAttribute("class", `c${branch.color}`);
      return line;
    }));
    document.getElementById("path-title").textContent = match ? `Path of branch ${picked}, member ${here.member}` : `Path of the best member, ${here.member}`;
    const list = document.getElementById("ancestry");
    list.replaceChildren(...way.map((at, place) => {
      const branch = data.branches[at], item = document.createElement("li"), link = document.createElement("a"), note = document.createElement("small");
      const before = place ? data.branches[way[place - 1]].values : {};
      link.href = `#branch-${at}`;
      link.textContent = `member ${branch.member}`;
      const changes = Object.entries(branch.values).map(([name, value]) => `${name.replaceAll("_", " ")} ${short(value)}${before[name] && before[name] !== value ? (value > before[name] ? " ↑" : " ↓") : ""}`);
      note.textContent = `${place ? "from" : "born at"} ${number(branch.start)} · ${changes.join(" · ")}`;
      item.append(link, note);
      return item;
    }));
    redraw();
  }
  drawn(document.getElementById("stitched"), () => {
    const name = chosen("curve"), way = picked === null ? [] : path(picked), others = [];
    for (const [at, branch] of Object.entries(data.branches)) {
      if (!branch.current || Number(at) === picked) continue;
      const parts = stitched(path(Number(at)), name), x = [], y = [];
      for (const part of parts) { x.push(...part.x); y.push(...part.y); }
      if (x.length) others.push({ x, y, mode: "lines", name: `member ${branch.member}`, line: { color: wash(css("--c7"), 0.35), width: 1 }, hoverinfo: "skip", showlegend: false });
    }
    const own = stitched(way, name), hue = picked === null ? css("--c0") : color(data.branches[picked].color);
    const traces = own.map((part, place) => ({
      x: place && own[place - 1].x.length && part.x.length ? [own[place - 1].x.at(-1), ...part.x] : part.x,
      y: place && own[place - 1].x.length && part.x.length ? [own[place - 1].y.at(-1), ...part.y] : part.y,
      mode: part.x.length < 40 ? "lines+markers" : "lines", marker: { size: 5 }, name: `member ${data.branches[part.at].member}`,
      line: { color: hue, width: 2.2, dash: place % 2 ? "6px 2px" : "solid" },
    })).filter((trace) => trace.x.length);
    const forks = way.slice(1).map((at) => data.branches[at]);
    return {
      traces: traces.length ? [...others, ...traces] : [],
      layout: {
        hovermode: "closest",
        xaxis: { title: { text: "steps", font: { size: 11, color: css("--quiet") }, standoff: 4 }, nticks: 10 },
        yaxis: { title: { text: name === "fitness" ? `fitness: ${data.fitness_name.replaceAll("_", " ")}` : name === "distance" ? "pixel FD" : name.split("/").at(-1), font: { size: 11, color: css("--quiet") } }, ...(name === "distance" ? log(own.map((part) => part.y)) : {}) },
        shapes: forks.map((branch) => ({ type: "line", x0: branch.start, x1: branch.start, yref: "paper", y0: 0, y1: 1, line: { color: css("--line"), width: 1.5 } })),
        annotations: forks.length * 110 > document.getElementById("stitched").clientWidth ? [] : forks.map((branch) => ({ x: branch.start, y: 1, yref: "paper", text: `→ member ${branch.member}`, showarrow: false, xanchor: "left", yanchor: "top", font: { size: 10.5, color: css("--quiet") } })),
      },
    };
  });
  addEventListener("hashchange", show);
  document.addEventListener("fresh", () => { data = readData(); show(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && location.hash) { history.replaceState(null, "", location.pathname + location.search); show(); } });
  show();
})();
