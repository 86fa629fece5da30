// The page of one model: how it is, why, and what can be done, from one request.

import { ask } from "./api.js";
import { ctrChart } from "./ctr_chart.js";
import { distribution } from "./distribution.js";
import { announce, el, put, section } from "./dom.js";
import { inward, outward } from "./frame.js";
import { heatMap } from "./heat_map.js";
import { decisions, incidents, releases, runs } from "./logs.js";
import { standing } from "./standing.js";
import { banner, empty, show, troubled } from "./states.js";
import { count, moment } from "./words.js";

const RANGES = [2, 7, 30, 90];
const SILENT_HOURS = 3;
const model = document.body.dataset.model;
const main = document.getElementById("main");
const asked = document.getElementById("asked");

function wanted() {
  const days = Number(new URLSearchParams(window.location.search).get("days"));
  return RANGES.includes(days) ? days : 30;
}

async function load({ quiet = false } = {}) {
  const days = wanted();
  main.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(`models/${encodeURIComponent(model)}`, { days });
    const again = el(
      "button",
      { type: "button", class: "plain", onclick: () => load({ quiet: true }) },
      "Refresh",
    );
    put(
      asked,
      answer.status.owner ? `${answer.status.owner} · ` : "",
      "as of ",
      moment(answer.asked_at),
      " ",
      again,
    );
    draw(answer);
    if (quiet) announce(`Showing ${days} days`);
  } catch (error) {
    show(main, troubled(error, load));
  }
}

function draw({ status, page, forms, links }) {
  if (!page) {
    show(
      main,
      banner("error", "This model cannot be read", status.error ?? status.headline),
      actions(forms, links),
    );
    return;
  }
  const never = status.silent_hours === null;
  show(
    main,
    banners(status),
    el("div", { class: "head" }, standing(status), actions(forms, links)),
    never && !page.timeline.at.some((_, i) => page.timeline.ctr[i] !== null)
      ? section("ctr", "CTR", neverMeasured(status, links))
      : [picture(page), drift(page)],
    decisions(page),
    el("div", { class: "pair" }, incidents(page), releases(model, page)),
    runs(model, page),
  );
}

function banners(status) {
  const said = [];
  if (status.error) said.push(banner("error", "A part of its record cannot be read", status.error));
  if (status.silent_hours !== null && status.silent_hours >= SILENT_HOURS)
    said.push(
      banner(
        "warning",
        `Nothing was measured for ${Math.floor(status.silent_hours)} hours`,
        "What you see may be out of date. Look at the monitor's newest runs: it may wait for an hour of the lake, be switched off, or fail.",
      ),
    );
  if (status.undelivered) {
    const { count: waiting, oldest_posted_at, last_error } = status.undelivered;
    said.push(
      banner(
        "warning",
        `${count(waiting, "message")} could not be delivered`,
        "the oldest is of ",
        moment(oldest_posted_at),
        last_error ? `. ${last_error}` : ".",
      ),
    );
  }
  if (status.quarantined_hours)
    said.push(
      banner(
        "info",
        `${count(status.quarantined_hours, "hour")} in quarantine`,
        "Training, baselines and sensors leave them out. ",
        inward(`data-docs/${encodeURIComponent(model)}/`, "What was found"),
      ),
    );
  return said;
}

function actions(forms, links) {
  const buttons = forms.map((form, index) => {
    const help = `help-${index}`;
    const label = form.refused ?? form.help;
    const button = form.refused
      ? el(
          "button",
          { type: "button", class: "button", "aria-disabled": "true", "aria-describedby": help },
          form.name,
        )
      : outward(form.path, form.name, { kind: "button" });
    if (!form.refused) button.setAttribute("aria-describedby", help);
    return el("li", {}, button, el("p", { class: "quiet", id: help }, label));
  });
  const more = [
    el("li", {}, outward(links.dag, "Monitor DAG")),
    el("li", {}, inward(links.data_docs.replace(/^evergreen\//, ""), "Data Docs")),
    el("li", {}, inward(`models/${encodeURIComponent(model)}/backtests`, "Backtests")),
    el(
      "li",
      {},
      links.mlflow
        ? outward(links.mlflow, "MLflow", { away: true })
        : el("span", { class: "quiet" }, "MLflow has no web address here"),
    ),
  ];
  const able = forms.some((form) => !form.refused);
  return section(
    "actions",
    "What you can do",
    able
      ? el(
          "p",
          { class: "quiet" },
          "Each opens its DAG in Airflow. Press Trigger there; the form says what it needs.",
        )
      : null,
    el("ul", { class: "buttons" }, buttons),
    el("ul", { class: "links" }, more),
  );
}

function picture(page) {
  const choices = RANGES.map((days) =>
    el(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-pressed": String(days === page.days),
        onclick: () => range(days),
      },
      `${days} days`,
    ),
  );
  return section(
    "ctr",
    "CTR",
    el("div", { class: "chips", role: "group", "aria-label": "Time shown" }, choices),
    ctrChart(page),
  );
}

async function range(days) {
  const url = new URL(window.location.href);
  url.searchParams.set("days", String(days));
  window.history.replaceState(null, "", url);
  await load({ quiet: true });
  main.querySelector('#ctr ~ .chips [aria-pressed="true"]')?.focus();
}

function drift(page) {
  const place = el("div", { class: "distribution", hidden: true });
  const choose = distribution(place, model);
  return section("drift", "Drift", heatMap(page.drift, choose), place);
}

function neverMeasured(status, links) {
  const what =
    status.trained_here && !status.champion
      ? "There is no champion yet, and nothing was measured. Train the first one with Retrain, then switch the monitor on."
      : "Nothing was measured yet. Switch the monitor on; it measures every closed hour of the lake.";
  return empty(
    "Nothing to show yet",
    el("p", {}, what),
    el("p", {}, outward(links.dag, "Open the monitor DAG")),
  );
}

load();
