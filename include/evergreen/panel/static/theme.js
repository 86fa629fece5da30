// Runs before the page is drawn. Airflow keeps its choice of light or dark in the browser under
// "theme"; without one, or with "system", the system decides, which panel.css does by itself.
(function () {
  "use strict";
  function apply() {
    let wanted = null;
    try {
      wanted = window.localStorage.getItem("theme");
    } catch {
      // storage is forbidden: the system decides
    }
    const root = document.documentElement;
    if (wanted === "light" || wanted === "dark") root.dataset.theme = wanted;
    else delete root.dataset.theme;
    window.dispatchEvent(new Event("evergreen:theme"));
  }
  apply();
  window.addEventListener("storage", (event) => {
    if (event.key === "theme") apply();
  });
  window
    .matchMedia("(prefers-color-scheme: dark)")
    .addEventListener("change", () => window.dispatchEvent(new Event("evergreen:theme")));
})();
