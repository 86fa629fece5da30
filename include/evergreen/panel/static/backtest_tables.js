// Backtests as tables: a row a policy, as the command line prints it, and what happened when.

import { el, table } from "./dom.js";
import { moment, number, percent, reasons } from "./words.js";

const COLOURS = 8;
const EVENTS = 200;
export const HAPPENED = {
  alarm: "alarm",
  deployed: "deployed",
  held: "held back by the gate",
  rolled_back: "rolled back",
  failed: "failed",
};

const whole = (value) => (value === null ? "–" : value.toLocaleString("en"));

// Schedules deploy too often to tell one from the next: marks are for monitors and gates.
export function watched(said) {
  return said.alarms !== null || said.holds > 0;
}

// Every policy of every run with its colour: the same policy has the same one in both runs.
export function shown(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.policies)))];
  return names.flatMap((name, index) =>
    runs
      .filter((run) => Object.hasOwn(run.policies, name))
      .map((run) => ({
        name: run.label ? `${name} ${run.label}` : name,
        colour: index % COLOURS,
        dashed: run.label === "B",
        said: run.policies[name],
      })),
  );
}

export function results(runs) {
  const two = runs.length > 1;
  const columns = [
    ["CTR", (said) => percent(said.ctr)],
    ["Of daily", (said) => percent(said.ctr_share_of_daily, 1)],
    ["Clicks", (said) => whole(said.clicks)],
    ["Retrainings", (said) => whole(said.retrains)],
    ["Deployed", (said) => whole(said.promotions)],
    ["Held", (said) => whole(said.holds)],
    ["Alarms", (said) => whole(said.alarms)],
    ["False alarms", (said) => whole(said.false_alarms)],
    ["Hours to deployment", (said) => whole(said.hours_to_deployment)],
    ["Training, min", (said) => (said.training_s / 60).toFixed(1)],
    [
      "Min per 1,000 clicks won",
      (said) => number(said.training_minutes_per_1000_clicks_won),
    ],
  ];
  const all = shown(runs);
  const kept = columns.filter(([, of]) => all.some(({ said }) => of(said) !== "–"));
  const rows = all.map((one) => [one.name, ...kept.map(([, of]) => of(one.said))]);
  const heads = ["Policy", ...kept.map(([head]) => head)];
  const box = table(two ? "Every policy of both runs" : "Every policy of the run", heads, rows);
  box.classList.add("figures");
  return box;
}

// When and why: of the policies that have a monitor or a gate, made when it is first opened.
export function happened(runs) {
  const told = shown(runs)
    .filter(({ said }) => watched(said))
    .flatMap(({ name, said }) =>
      said.events
        .filter((event) => event.kind in HAPPENED)
        .map((event) => ({ name, ...event })),
    )
    .sort((a, b) => a.hour.localeCompare(b.hour));
  if (!told.length) return null;
  const box = el("div", {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": "What happened when",
  });
  const fillIn = () => {
    if (box.childElementCount) return;
    const rows = told
      .slice(0, EVENTS)
      .map((event) => [
        moment(event.hour),
        event.name,
        event.version ? `${HAPPENED[event.kind]}, version ${event.version}` : HAPPENED[event.kind],
        event.reasons.length ? reasons(event.reasons) : "–",
      ]);
    box.append(table("What happened, oldest first", ["Hour", "Policy", "What", "Why"], rows));
  };
  const many = told.length > EVENTS ? ` (the first ${EVENTS} of ${told.length})` : "";
  return el(
    "details",
    { ontoggle: fillIn },
    el("summary", {}, `Show what happened when${many}`),
    box,
  );
}
