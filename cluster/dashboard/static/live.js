// Live: when the server says that the page would look different, fetch it and swap the parts marked data-live.
"use strict";
(() => {
  const sign = document.getElementById("live");
  const source = document.currentScript.dataset.live;
  const show = (state, text) => { sign.className = `live ${state}`; sign.textContent = text; };
  let busy = false, again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the server went away: the event source says so and tries again */ }
    busy = false;
    if (again) { again = false; refresh(); }
  }
  function swap(next) {
    // What has appeared since (the first curves, the first comparison) is laid out by the server.
    if (next.getElementById("main")?.dataset.shape !== document.getElementById("main").dataset.shape) { location.reload(); return; }
    const focused = document.activeElement;
    const href = focused?.closest("[data-live]") && focused.getAttribute("href");
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const fresh = next.getElementById(part.id);
      if (!fresh || fresh.innerHTML === part.innerHTML || part.contains(getSelection().anchorNode) && !getSelection().isCollapsed) continue;
      const places = [...part.querySelectorAll("*")].filter((each) => each.scrollLeft).map((each) => [each.className, each.scrollLeft]);
      part.innerHTML = fresh.innerHTML;
      for (const [name, left] of places) { const each = part.getElementsByClassName(name)[0]; if (each) each.scrollLeft = left; }
    }
    if (href && !focused.isConnected) document.querySelector(`[data-live] a[href="${CSS.escape(href)}"]`)?.focus({ preventScroll: true });
    document.dispatchEvent(new Event("fresh"));
  }
  const events = new EventSource(`${source}?page=${encodeURIComponent(document.documentElement.dataset.page)}`);
  events.addEventListener("open", () => show("on", "live"));
  events.addEventListener("change", refresh);
  events.addEventListener("error", () => show("lost", "no connection"));
  addEventListener("pagehide", () => events.close());
})();
