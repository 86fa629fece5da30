// What a page shows instead of data, and above it.

import { el, put } from "./dom.js";

export function banner(kind, title, ...rest) {
  return el(
    "div",
    { class: `banner is-${kind}`, role: kind === "error" ? "alert" : null },
    el("strong", {}, title),
    el("div", {}, rest),
  );
}

export function empty(title, ...rest) {
  return el("div", { class: "empty" }, el("p", { class: "empty-title" }, title), rest);
}

export function troubled(error, again) {
  const login = error.login;
  const go = login ? () => window.location.reload() : again;
  const button = el("button", { type: "button", onclick: go }, login ? "Log in" : "Try again");
  return banner("error", error.title ?? "Something went wrong", error.message, " ", button);
}

export function show(main, ...children) {
  put(main, ...children);
  main.setAttribute("aria-busy", "false");
}
