// Inside Airflow's frame a link may not leave it by itself: the frame's sandbox has no right to
// navigate the window or to open another. Airflow and we are one site, so the link is followed by
// the document around us. A copy of the panel in a frame of another site cannot do that.

import { el } from "./dom.js";

function around() {
  if (window.parent === window) return null;
  try {
    return window.parent.document;
  } catch {
    return null;
  }
}

// A link to Airflow's own pages; `away` opens another site in a tab of its own.
export function outward(path, text, { away = false, label = null, kind = null } = {}) {
  const href = away ? path : `${document.body.dataset.airflow}${path}`;
  return el(
    "a",
    {
      href,
      class: kind,
      target: away ? "_blank" : "_top",
      rel: away ? "noreferrer" : null,
      "aria-label": label,
      onclick: follow,
    },
    text,
  );
}

function follow(event) {
  const outer = around();
  if (!outer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const link = outer.createElement("a");
  link.href = event.currentTarget.href;
  if (event.currentTarget.target === "_blank") {
    link.target = "_blank";
    link.rel = "noreferrer";
  }
  outer.body.append(link);
  link.click();
  link.remove();
}

// A link that stays in the panel.
export function inward(path, text, attributes = {}) {
  return el("a", { href: `${document.body.dataset.panel}${path}`, ...attributes }, text);
}
