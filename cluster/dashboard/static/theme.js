// Before anything is painted: the theme that was chosen, or the system's.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem("impasto-theme"); } catch { return null; } };
  const apply = () => {
    document.documentElement.dataset.theme = read() || (system.matches ? "dark" : "light");
    document.dispatchEvent(new Event("theme"));
  };
  apply();
  system.addEventListener("change", apply);
  window.switchTheme = () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("impasto-theme", next); } catch { /* private window: for this page only */ }
    document.documentElement.dataset.theme = next;
    document.dispatchEvent(new Event("theme"));
  };
})();
