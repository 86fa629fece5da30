// The page that compares backtests: choose one run or two, and see what each policy would have done.

import { ask } from "./api.js";
import { backtestChart } from "./backtest_chart.js";
import { backtestCurve } from "./backtest_curve.js";
import { happened, results, shown } from "./backtest_tables.js";
import { announce, el, put, section, table } from "./dom.js";
import { banner, empty, show, troubled } from "./states.js";
import { count, moment } from "./words.js";

const MOST = 2;
const model = document.body.dataset.model;
const main = document.getElementById("main");
const asked = document.getElementById("asked");
const path = `models/${encodeURIComponent(model)}/backtests`;
let listed = [];
let question = 0;

// The runs that the address names, else the newest one that can be read.
function wanted() {
  const named = (new URLSearchParams(window.location.search).get("runs") ?? "").split(",");
  const known = listed.filter((one) => !one.error).map((one) => one.id);
  const found = [...new Set(named)].filter((id) => known.includes(id)).slice(0, MOST);
  return found.length ? found : known.slice(0, 1);
}

async function load() {
  main.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(path);
    listed = answer.runs;
    const again = el("button", { type: "button", class: "plain", onclick: load }, "Refresh");
    put(asked, "as of ", moment(answer.asked_at), " ", again);
    if (!listed.length) {
      show(main, section("runs", "Runs", nothing(answer.trained_here)));
      return;
    }
    const compared = el("div", { id: "compared" });
    show(main, list(answer, compared), compared);
    await compare(compared, wanted());
  } catch (error) {
    show(main, troubled(error, load));
  }
}

function nothing(trainedHere) {
  if (!trainedHere)
    return empty(
      "No backtest to show",
      el("p", {}, "This model is trained elsewhere: there are no retrainings to replay."),
      el(
        "p",
        {},
        el("code", {}, `evergreen backtest --model ${model}`),
        " replays its sensors and prints what they would have said.",
      ),
    );
  return empty(
    "No backtest yet",
    el("p", {}, "A backtest replays your orders and tells what Evergreen would have done."),
    el("p", {}, "Run ", el("code", {}, `evergreen backtest --model ${model}`), " in a terminal."),
    el("p", {}, "Results that went elsewhere with --out are not shown here."),
  );
}

function list({ runs, total }, compared) {
  const chosen = wanted();
  const heads = ["Run", "Made", "Replayed", "Orders", "Settings changed", "Policies"];
  const boxes = new Map();
  const choose = (id, box) => {
    if (box.checked) chosen.push(id);
    else chosen.splice(chosen.indexOf(id), 1);
    let told = "";
    if (chosen.length > MOST) {
      const gone = chosen.shift(); // the one that was chosen first makes room
      boxes.get(gone).checked = false;
      told = `Run ${gone} is no longer shown: two are compared at a time.`;
    }
    const url = new URL(window.location.href);
    url.searchParams.set("runs", chosen.join(","));
    window.history.replaceState(null, "", url);
    compare(compared, [...chosen], told);
  };
  const rows = runs.map((one) => {
    if (one.error) {
      const why = el("span", { class: "bad" }, one.error);
      return [el("code", {}, one.id), moment(one.made_at), why, "–", "–", "–"];
    }
    const box = el("input", { type: "checkbox", onchange: () => choose(one.id, box) });
    box.checked = chosen.includes(one.id);
    boxes.set(one.id, box);
    return [
      el("label", { class: "choice" }, box, el("code", {}, one.id)),
      moment(one.made_at),
      [moment(one.start, { zone: false }), " to ", moment(one.end)],
      one.data,
      one.settings_changed.length
        ? el(
            "ul",
            { class: "reasons" },
            one.settings_changed.map((text) => el("li", {}, text)),
          )
        : "none",
      one.policies.join(", "),
    ];
  });
  const shelf = table("Backtests, newest first", heads, rows);
  shelf.classList.add("shelf");
  const more = total > runs.length ? ` The newest ${runs.length} of ${total}.` : "";
  return section(
    "runs",
    "Runs",
    el("p", { class: "quiet" }, `Choose one run, or two to compare them.${more}`),
    shelf,
  );
}

async function compare(place, ids, told = "") {
  question += 1;
  const mine = question;
  if (!ids.length) {
    const none = listed.every((one) => one.error);
    const text = none ? "No run can be read" : "Choose a run to see what it found";
    put(place, section("found", "What was found", empty(text)));
    announce(text);
    return;
  }
  place.setAttribute("aria-busy", "true");
  const answers = await Promise.allSettled(ids.map((id) => ask(`${path}/${id}`)));
  if (mine !== question) return; // another choice was made while this one was under way
  place.removeAttribute("aria-busy");
  const failed = answers.filter((one) => one.status === "rejected");
  const found = answers.filter((one) => one.status === "fulfilled").map((one) => one.value);
  const labels = found.length > 1 ? ["A", "B"] : [""];
  const runs = found.map(({ id, run }, index) => ({ id, label: labels[index], ...run }));
  put(
    place,
    failed.map((one) => troubled(one.reason, () => compare(place, ids))),
    runs.length ? [differences(runs), drawn(runs)] : [],
  );
  announce(`${told} Showing ${runs.map((run) => run.id).join(" and ") || "nothing"}`.trim());
}

// What keeps two runs from being held against each other number by number.
function differences(runs) {
  const [a, b] = runs;
  if (!b) return null;
  const said = [];
  if (a.data !== b.data) said.push(`other orders (${a.data}, ${b.data})`);
  if (a.start !== b.start || a.end !== b.end) said.push("other hours");
  if (a.seed !== b.seed) said.push(`other seeds (${a.seed}, ${b.seed})`);
  const legend = el(
    "p",
    { class: "quiet" },
    runs.map((run) => [
      el("strong", {}, run.label),
      " is ",
      el("code", {}, run.id),
      run.settings_changed.length ? ` with ${run.settings_changed.join(", ")}. ` : ". ",
    ]),
  );
  if (!said.length) return legend;
  return [
    legend,
    banner("warning", "The two runs differ in more than settings", `They replay ${said.join(", ")}.`),
  ];
}

function drawn(runs) {
  const left = [...new Set(runs.flatMap((run) => run.left_out))];
  const views = runs.map((run) => {
    const name = run.label ? `${run.label}: ` : "";
    return `${name}${count(run.hours, "hour")}, ${count(run.page_views, "page view")}`;
  });
  return [
    section(
      "results",
      "What each policy did",
      el("p", { class: "quiet" }, `${views.join("; ")}. Nothing was deployed: this is a replay.`),
      results(runs),
      left.length
        ? el(
            "details",
            {},
            el("summary", {}, "What a replay leaves out"),
            el("ul", { class: "reasons" }, left.map((text) => el("li", {}, text))),
          )
        : null,
    ),
    section("over-time", "CTR over time", backtestChart(shown(runs)), happened(runs)),
    section("curve", "Clicks against retrainings", backtestCurve(shown(runs))),
  ];
}

load();
