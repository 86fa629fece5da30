// The overview: all models, worst first, from one request; asked again every minute while seen.

import { ask } from "./api.js";
import { announce, el, put } from "./dom.js";
import { inward } from "./frame.js";
import { spark } from "./spark.js";
import { banner, empty, show, troubled } from "./states.js";
import { action, age, badge, change, count, moment, percent, STATES } from "./words.js";

const EVERY_MS = 60_000;
const SILENT_HOURS = 3;
const main = document.getElementById("main");
const asked = document.getElementById("asked");
const chosen = { state: null, text: "" };
let answer = null;
let list = null;
let trouble = null;
let chips = null;

async function load() {
  try {
    answer = await ask("models");
    trouble = null;
  } catch (error) {
    trouble = error;
    if (!answer) {
      show(main, troubled(error, load));
      return;
    }
  }
  draw();
}

function draw() {
  const again = el("button", { type: "button", class: "plain", onclick: load }, "Refresh");
  put(asked, "as of ", moment(answer.asked_at), " ", again);
  if (!answer.models.length) {
    show(
      main,
      empty(
        "No model yet",
        el(
          "p",
          {},
          "A model is a folder below ",
          el("code", {}, "include/models/"),
          " with a model.yaml. It appears here, with its DAGs, as soon as it is there and you may read them.",
        ),
      ),
    );
    return;
  }
  if (!list) build();
  drawChips();
  drawRows();
  main.setAttribute("aria-busy", "false");
}

function build() {
  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Name, owner or reason",
    oninput: (event) => {
      chosen.text = event.target.value.trim().toLowerCase();
      drawRows(true);
    },
  });
  chips = el("div", { class: "chips", role: "group", "aria-label": "Filter by state" });
  list = el("div", { id: "list" });
  const finder = el("div", { class: "finder" }, el("label", { for: "search" }, "Find"), search);
  put(main, el("div", { id: "notes" }), el("div", { class: "filters" }, chips, finder), list);
}

function drawChips() {
  const counts = {};
  for (const model of answer.models) counts[model.state] = (counts[model.state] ?? 0) + 1;
  if (chosen.state && !counts[chosen.state]) chosen.state = null;
  const focused = document.activeElement?.dataset?.state;
  const chip = (state, label, total) =>
    el(
      "button",
      {
        type: "button",
        class: "chip",
        "data-state": state ?? "all",
        "aria-pressed": String(chosen.state === state),
        onclick: () => {
          chosen.state = state;
          drawChips();
          drawRows(true);
        },
      },
      state ? badge(state) : label,
      el("span", { class: "total" }, total),
    );
  const states = Object.keys(STATES).filter((state) => counts[state]);
  put(
    chips,
    chip(null, "All", answer.models.length),
    states.map((state) => chip(state, STATES[state][0], counts[state])),
  );
  if (focused) chips.querySelector(`[data-state="${CSS.escape(focused)}"]`)?.focus();
}

function fits(model) {
  if (chosen.state && model.state !== chosen.state) return false;
  if (!chosen.text) return true;
  const said = [model.model, model.owner, model.headline, model.description, model.error];
  said.push(...(model.decision?.reasons ?? []));
  return said.some((text) => text?.toLowerCase().includes(chosen.text));
}

function drawRows(tell = false) {
  const models = answer.models.filter(fits);
  put(document.getElementById("notes"), notes());
  if (!models.length) {
    put(list, empty("No model fits", el("p", {}, "Choose another state or another text.")));
  } else {
    put(list, grid(models));
  }
  if (tell) announce(count(models.length, "model"));
}

function notes() {
  const said = [];
  if (trouble)
    said.push(banner("warning", "Not up to date", `${trouble.title}. These numbers are older.`));
  const measured = answer.models.filter((model) => model.silent_hours !== null);
  const silent = measured.filter((model) => model.silent_hours >= SILENT_HOURS);
  if (measured.length && silent.length === measured.length)
    said.push(
      banner(
        "warning",
        "The monitor stands still",
        "No model has been measured for hours. Check that Airflow's scheduler runs, that the monitor DAGs are switched on, and that the lake gets new hours.",
      ),
    );
  return said;
}

const HEADS = ["Model", "State", "CTR now", "30 days", "Drift", "Champion", "Last decision"];

function grid(models) {
  return el(
    "table",
    { class: "models" },
    el("caption", { class: "unseen" }, "Models, worst first"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        HEADS.map((head) => el("th", { scope: "col" }, head)),
      ),
    ),
    el("tbody", {}, models.map(row)),
  );
}

function row(model) {
  const cell = (label, ...content) => el("td", { "data-label": label }, el("div", {}, ...content));
  const link = inward(`models/${encodeURIComponent(model.model)}`, model.model, { class: "name" });
  const headline = model.error ?? model.headline;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, link, el("div", { class: "quiet" }, model.owner)),
    cell("State", badge(model.state), el("div", { class: "quiet clip" }, headline), flags(model)),
    cell("CTR now", ctr(model.ctr)),
    cell("30 days", spark(model.spark) ?? el("span", { class: "quiet" }, "no history")),
    cell("Drift", drift(model.drift)),
    cell("Champion", champion(model)),
    cell("Last decision", decision(model.decision)),
  );
}

function flags(model) {
  const said = [];
  if (model.quarantined_hours) said.push(`${count(model.quarantined_hours, "hour")} in quarantine`);
  if (model.undelivered) said.push(`${count(model.undelivered.count, "message")} undelivered`);
  return said.map((text) => el("span", { class: "flag" }, text));
}

function ctr(said) {
  if (!said || said.value === null) return el("span", { class: "quiet" }, "–");
  const delta = el(
    "span",
    { class: said.verdict === "yes" ? "bad" : "quiet" },
    change(said.value, said.expected),
  );
  return [
    el("span", { class: "figure" }, percent(said.value), " ", delta),
    el("div", { class: "quiet" }, `expected ${percent(said.expected)}`),
    el("div", { class: "quiet" }, `${percent(said.lower)} to ${percent(said.upper)}`),
  ];
}

const VERDICTS = { yes: "Drifted", no: "None", not_enough_data: "Too little data" };

function drift(said) {
  if (!said) return el("span", { class: "quiet" }, "–");
  const names = [...new Set(said.columns.map((column) => column.column))];
  const shown =
    names.slice(0, 3).join(", ") + (names.length > 3 ? `, ${names.length - 3} more` : "");
  const word = VERDICTS[said.verdict] ?? said.verdict;
  return [
    el("span", { class: said.verdict === "yes" ? "bad" : null }, word),
    names.length ? el("div", { class: "quiet clip" }, shown) : null,
  ];
}

function champion(model) {
  const said = model.champion;
  if (!said)
    return el("span", { class: "quiet" }, model.trained_here ? "none" : "trained elsewhere");
  return [
    el("span", {}, `version ${said.version}`),
    el("div", { class: "quiet" }, `${age(said.age_days)} old`),
  ];
}

function decision(said) {
  if (!said) return el("span", { class: "quiet" }, "none yet");
  return [
    el("span", {}, action(said), said.replay ? " (replay)" : ""),
    el("div", { class: "quiet" }, moment(said.hour)),
    el("div", { class: "quiet clip one" }, said.reasons[0] ?? ""),
  ];
}

load();
setInterval(() => {
  if (!document.hidden && answer) load();
}, EVERY_MS);
