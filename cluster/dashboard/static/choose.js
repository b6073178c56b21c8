// Runs that are marked in the table, to be compared. The table is replaced when it changes: marks are put back.
"use strict";
(() => {
  const button = document.getElementById("compare-button");
  if (!button) return;
  const marked = new Set(new URLSearchParams(location.search).getAll("run"));
  function show() {
    for (const box of document.querySelectorAll('input[name="run"]')) box.checked = marked.has(box.value);
    const count = document.querySelectorAll('input[name="run"]:checked').length;
    button.disabled = count < 2;
    button.textContent = count < 2 ? "Compare" : `Compare ${count} runs`;
  }
  document.addEventListener("change", (event) => {
    if (event.target.name !== "run") return;
    if (event.target.checked) marked.add(event.target.value); else marked.delete(event.target.value);
    show();
  });
  document.addEventListener("fresh", show);
  addEventListener("pageshow", show);
  show();
})();
