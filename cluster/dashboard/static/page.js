// What every page has: theme, keys, copy buttons, filter, sorting, choices, and times that grow old.
"use strict";
const inField = (event) => event.target.closest("input, textarea, select") && event.target.type !== "range" && event.target.type !== "checkbox";

document.getElementById("theme").addEventListener("click", () => switchTheme());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.id === "filter") { event.target.value = ""; filter(); event.target.blur(); }
  if (inField(event)) return;
  if (event.key === "t") switchTheme();
  if (event.key === "/" && document.getElementById("filter")) { event.preventDefault(); document.getElementById("filter").focus(); }
  const link = event.target.type === "range" ? null : document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (link) location.href = link.href;
});

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const done = (text) => { copy.textContent = text; setTimeout(() => { copy.textContent = "Copy"; }, 1500); };
    if (navigator.clipboard) navigator.clipboard.writeText(copy.dataset.copy).then(() => done("Copied"), () => done("Select it"));
    else { getSelection().selectAllChildren(copy.previousElementSibling); done("Selected"); }
  }
  const choice = event.target.closest("[data-choice] button");
  if (choice) choose(choice.parentElement.dataset.choice, choice.dataset.value, true);
  const heading = event.target.closest("[data-sort]");
  if (heading) sortBy(heading.dataset.sort);
});

// A choice is part of the address, so that a view can be shared.
function address(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
  history.replaceState(null, "", url);
}
function chosen(name) {
  const group = document.querySelector(`[data-choice="${name}"]`);
  if (!group) return null;
  return group.querySelector('[aria-pressed="true"]').dataset.value;
}
function choose(name, value, tell) {
  const group = document.querySelector(`[data-choice="${name}"]`);
  const button = group && [...group.children].find((each) => each.dataset.value === value);
  if (!button) return;
  for (const each of group.children) each.setAttribute("aria-pressed", each === button);
  if (tell) { address(name, value); document.dispatchEvent(new Event("choice")); }
}
for (const group of document.querySelectorAll("[data-choice]")) {
  const value = new URLSearchParams(location.search).get(group.dataset.choice);
  if (value) choose(group.dataset.choice, value, false);
  else choose(group.dataset.choice, group.children[0].dataset.value, false);
}

function filter() {
  const field = document.getElementById("filter");
  if (!field) return;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of document.querySelectorAll(`#${field.dataset.filter} [data-row]`)) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  document.getElementById("none").hidden = shown > 0;
}
document.getElementById("filter")?.addEventListener("input", () => { address("filter", document.getElementById("filter").value); filter(); });

let order = null;
function sortBy(name) { order = { name, down: order?.name === name && !order.down }; address("sort", (order.down ? "-" : "") + name); sort(); }
function sort() {
  const table = document.querySelector("[data-sortable]");
  if (!order || !table) return;
  for (const each of table.querySelectorAll("[data-sort]")) {
    if (each.dataset.sort === order.name) each.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else each.removeAttribute("aria-sort");
  }
  const value = (row) => { const text = row.dataset[order.name]; return isNaN(text) ? text : Number(text); };
  const rows = [...table.querySelectorAll("[data-row]")];
  rows.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (order.down ? -1 : 1));
  rows[0]?.parentElement.append(...rows);
}
for (const heading of document.querySelectorAll("[data-sort]")) {
  heading.tabIndex = 0;
  heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sortBy(heading.dataset.sort); });
}

function ages() {
  const words = (seconds) => {
    if (seconds < 5) return "just now";
    if (seconds < 60) return `${Math.round(seconds)}\u00a0s\u00a0ago`;
    const minutes = Math.round(seconds / 60);
    if (minutes < 60) return `${minutes}\u00a0min\u00a0ago`;
    if (minutes < 1440) return `${Math.floor(minutes / 60)}\u00a0h\u00a0ago`;
    const hours = Math.round(seconds / 3600);
    return `${Math.floor(hours / 24)}\u00a0d\u00a0ago`;
  };
  for (const each of document.querySelectorAll("[data-ago]")) {
    const then = parseFloat(each.dataset.ago);
    if (then) { each.textContent = words(Math.max(0, Date.now() / 1000 - then)); each.title = new Date(then * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC"; }
  }
}
// What a reader opened or closed stays so.
for (const each of document.querySelectorAll("details[data-keep]")) {
  const key = `impasto-${each.dataset.keep}`;
  try { const kept = sessionStorage.getItem(key); if (kept) each.open = kept === "open"; } catch { /* not kept */ }
  each.addEventListener("toggle", () => { try { sessionStorage.setItem(key, each.open ? "open" : "closed"); } catch { /* not kept */ } });
}
function settle() { ages(); sort(); filter(); }
{
  const query = new URLSearchParams(location.search);
  const field = document.getElementById("filter");
  if (field && query.get("filter")) field.value = query.get("filter");
  const by = query.get("sort");
  if (by) order = { name: by.replace(/^-/, ""), down: by.startsWith("-") };
}
settle();
setInterval(ages, 5000);
document.addEventListener("fresh", settle);
