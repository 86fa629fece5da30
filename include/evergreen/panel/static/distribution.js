// One column at one hour: how its values were spread, beside the champion's reference.

import { ask, Trouble } from "./api.js";
import { announce, el, put } from "./dom.js";
import { troubled } from "./states.js";
import { DRIFTS, hourKey, moment, number, percent } from "./words.js";

const VERDICTS = { yes: "drifted", no: "no drift", not_enough_data: "too little data" };

export function distribution(place, model) {
  const open = async (column, hour) => {
    place.hidden = false;
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(`models/${encodeURIComponent(model)}/column`, {
        column,
        ...(hour ? { hour } : {}),
      });
      put(place, drawn(answer, open));
      announce(`Distribution of ${column}`);
    } catch (error) {
      const trouble =
        error instanceof Trouble ? error : new Trouble("It cannot be shown", String(error));
      put(
        place,
        el("h3", {}, column),
        troubled(trouble, () => open(column, hour)),
      );
    }
    place.setAttribute("aria-busy", "false");
    place.scrollIntoView({ block: "nearest" });
  };
  return open;
}

function drawn(answer, open) {
  const step = (hours) => () =>
    open(answer.column, hourKey(Date.parse(answer.hour) / 1000 + 3600 * hours));
  const go = (text, action) =>
    el("button", { type: "button", class: "plain", onclick: action }, text);
  return [
    el(
      "h3",
      {},
      answer.column,
      el(
        "span",
        { class: "quiet" },
        ` version ${answer.version}, weight ${number(answer.importance)}`,
      ),
    ),
    el(
      "p",
      { class: "steps" },
      go("1 day earlier", step(-24)),
      go("1 hour earlier", step(-1)),
      el("strong", {}, moment(answer.hour)),
      go("1 hour later", step(1)),
      go("Newest", () => open(answer.column, null)),
    ),
    el("ul", { class: "looks" }, answer.looks.map(look)),
    answer.day.length
      ? bars(answer)
      : el("p", { class: "quiet" }, "No row in these 24 hours, or the hours are in quarantine."),
  ];
}

function look(said) {
  const verdict =
    said.verdict === "yes" ? (DRIFTS[said.kind] ?? "drifted") : VERDICTS[said.verdict];
  const view = said.view === "24h" ? "Over 24 hours" : "In this hour alone";
  const bad = said.verdict === "yes" ? "bad" : null;
  return el(
    "li",
    {},
    `${view}: `,
    el("strong", { class: bad }, verdict),
    `. ${said.reason} (${number(said.rows)} rows)`,
  );
}

function bars(answer) {
  const most = Math.max(...answer.reference, ...answer.day, 0.0001);
  const bar = (kind, share) => {
    const line = el("div", { class: `bar ${kind}` });
    line.style.width = `${(100 * share) / most}%`;
    return line;
  };
  const rows = answer.labels.map((label, index) => {
    const before = answer.reference[index] ?? 0;
    const now = answer.day[index] ?? 0;
    const moved = 100 * (now - before);
    const sign = moved > 0 ? "+" : moved < 0 ? "−" : "";
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, label),
      el(
        "td",
        { class: "bars", "aria-hidden": "true" },
        bar("bar-before", before),
        bar("bar-now", now),
      ),
      el("td", {}, percent(before, 1)),
      el("td", {}, percent(now, 1)),
      el("td", {}, `${sign}${Math.abs(moved).toFixed(1)}`),
    );
  });
  const head = (text, kind = null) => el("th", { scope: "col", class: kind }, text);
  return el(
    "table",
    { class: "bins" },
    el(
      "caption",
      { class: "quiet" },
      `Share of rows in each bin: reference (${number(answer.reference_rows)} rows) and the 24 hours up to now (${number(answer.day_rows)} rows)`,
    ),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        head("Bin"),
        el(
          "td",
          { class: "bars", "aria-hidden": "true" },
          el("span", { class: "key bar-before" }),
          "reference ",
          el("span", { class: "key bar-now" }),
          "now",
        ),
        head("Reference"),
        head("Now"),
        head("Points"),
      ),
    ),
    el("tbody", {}, rows),
  );
}
