// How the model is now, in four facts: CTR, drift, champion, last decision.

import { el } from "./dom.js";
import { action, age, badge, change, count, moment, number, percent, reasons } from "./words.js";

function fact(name, ...content) {
  return el("div", { class: "fact" }, el("dt", {}, name), el("dd", {}, content));
}

export function standing(status) {
  const facts = [
    fact("CTR now", ctr(status.ctr)),
    fact("Drift", driftNow(status.drift)),
    fact("Champion", champion(status)),
    fact("Last decision", decision(status.decision)),
  ];
  return el(
    "section",
    { class: "card now", "aria-labelledby": "now" },
    el("h2", { id: "now", class: "state" }, badge(status.state), el("span", {}, status.headline)),
    el("p", { class: "quiet" }, status.description),
    el("dl", { class: "facts" }, facts),
  );
}

function ctr(said) {
  if (!said) return el("span", { class: "quiet" }, "not judged yet");
  return [
    el(
      "div",
      { class: "figure large" },
      percent(said.value),
      " ",
      el(
        "span",
        { class: said.verdict === "yes" ? "bad" : "quiet" },
        change(said.value, said.expected),
      ),
    ),
    el(
      "div",
      { class: "quiet" },
      `expected ${percent(said.expected)}; interval ${percent(said.lower)} to ${percent(said.upper)}`,
    ),
    el(
      "div",
      { class: "quiet" },
      `${said.clicks.toLocaleString("en")} clicks of ${count(said.impressions, "impression")}`,
    ),
    said.level === null
      ? null
      : el(
          "div",
          { class: "quiet" },
          `evidence ${number(said.evidence)}, alarm above ${number(said.level)}`,
        ),
  ];
}

function driftNow(said) {
  if (!said) return el("span", { class: "quiet" }, "not judged yet");
  const words = { yes: "Drifted", no: "None", not_enough_data: "Too little data" };
  return [
    el(
      "div",
      { class: said.verdict === "yes" ? "figure bad" : "figure" },
      words[said.verdict] ?? said.verdict,
    ),
    said.columns.length
      ? el(
          "ul",
          { class: "reasons" },
          said.columns
            .slice(0, 4)
            .map((one) => el("li", {}, `${one.column} (${one.view}): ${one.reason}`)),
        )
      : el("div", { class: "quiet" }, said.reason),
  ];
}

function champion(status) {
  const said = status.champion;
  if (!said)
    return el(
      "span",
      { class: "quiet" },
      status.trained_here
        ? "none yet: the first version must beat popularity"
        : "trained elsewhere",
    );
  return [
    el("div", { class: "figure" }, `Version ${said.version}`),
    el("div", { class: "quiet" }, `${age(said.age_days)} old; learned until `, moment(said.as_of)),
    status.probation
      ? el(
          "div",
          { class: "quiet" },
          status.probation.until
            ? ["On probation until ", moment(status.probation.until), ": "]
            : "On probation: ",
          status.probation.reason,
        )
      : null,
  ];
}

function decision(said) {
  if (!said) return el("span", { class: "quiet" }, "none yet");
  return [
    el("div", { class: "figure" }, action(said)),
    el("div", { class: "quiet" }, "for ", moment(said.hour), said.replay ? " (replay)" : ""),
    reasons(said.reasons, 2),
  ];
}
