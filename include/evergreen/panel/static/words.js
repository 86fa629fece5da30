// Numbers, moments and states in words. Moments are UTC; the local one is in the title.

import { el, svg } from "./dom.js";

export const STATES = {
  error: ["Error", "M4 4l8 8M12 4l-8 8"],
  stale: ["Stale", "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3"],
  silent: ["Silent", "M8 4.5V8l2.5 1.5M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z"],
  held: ["Held", "M5.5 4v8M10.5 4v8"],
  warning: ["Warning", "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.2"],
  no_data: ["No data", "M3.5 8h9"],
  no_champion: ["No champion", "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z"],
  probation: ["Probation", "M4 14V2.5h7.5l-1.8 3 1.8 3H4"],
  healthy: ["Healthy", "M3 8.5l3.2 3.2L13 5"],
};

export function badge(state) {
  const [word, path] = STATES[state] ?? [state, "M3.5 8h9"];
  const icon = svg(
    "svg",
    { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: path }),
  );
  return el("span", { class: `badge is-${state}` }, icon, word);
}

export function percent(value, digits = 2) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(digits)} %`;
}

export function number(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(digits);
}

export function count(value, one, many) {
  return `${value.toLocaleString("en")} ${value === 1 ? one : (many ?? `${one}s`)}`;
}

export function change(value, expected) {
  if (!expected || value === null || value === undefined) return "";
  const share = Math.round(100 * (value / expected - 1));
  return `${share > 0 ? "+" : share < 0 ? "−" : "±"}${Math.abs(share)} %`;
}

function spelt(date) {
  const text = date.toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

// Takes an ISO text, seconds since 1970, or an hour such as 2011-05-02T13.
export function moment(value, { zone = true } = {}) {
  if (value === null || value === undefined) return "–";
  let date;
  if (typeof value === "number") date = new Date(1000 * value);
  else date = new Date(/T\d\d$/.test(value) ? `${value}:00:00Z` : value);
  if (Number.isNaN(date.getTime())) return String(value);
  const local = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const title = `${local} where you are`;
  return el("time", { datetime: date.toISOString(), title }, spelt(date), zone ? " UTC" : "");
}

export function plainMoment(seconds) {
  return `${spelt(new Date(1000 * seconds))} UTC`;
}

export function hourKey(seconds) {
  return new Date(1000 * seconds).toISOString().slice(0, 13);
}

export function age(days) {
  if (days === null || days === undefined) return "–";
  if (days < 1) return count(Math.round(24 * days), "hour");
  return days < 10 ? `${days.toFixed(1)} days` : count(Math.round(days), "day");
}

export const ACTIONS = {
  healthy: "Healthy",
  warn: "Warned",
  request_retrain: "Asked for a retraining",
  request_rollback: "Asked for a rollback",
};

export function action(said) {
  const word = ACTIONS[said.action] ?? said.action;
  if (said.would === said.action) return word;
  return `${word}; live it would have ${(ACTIONS[said.would] ?? said.would).toLowerCase()}`;
}

export const KINDS = {
  promotion: "Promoted by the gate",
  rollback: "Rolled back by a person",
  probation: "Rolled back: its successor failed its probation",
};

export const DRIFTS = {
  shift: "shifted",
  constant: "went constant",
  missing: "went missing",
  new_category: "new categories",
};

// "a; b; c" as a short list; the reasons of gate and monitor are joined like that.
export function reasons(list, shown = 3) {
  const all = list.length ? list : ["no reason was kept"];
  const items = all.map((reason) => el("li", {}, reason));
  const first = el("ul", { class: "reasons" }, items.slice(0, shown));
  if (items.length <= shown) return first;
  const more = el("ul", { class: "reasons" }, items.slice(shown));
  const label = el("summary", {}, count(items.length - shown, "more reason"));
  return el("div", {}, first, el("details", {}, label, more));
}
