// The CTR of every policy over time, as the picture of `evergreen backtest`: each point is the CTR of
// the seven days that end there. Alarms, deployments and holds are marked on the lines that have a
// monitor or a gate; each line can be taken away.

/* global uPlot */
import { HAPPENED, watched } from "./backtest_tables.js";
import { announce, el, svg, table } from "./dom.js";
import { axes, colour, redrawn, utc } from "./plot.js";
import { percent } from "./words.js";

const DAY_S = 86_400;
const SMOOTHED_DAYS = 7;
const HEIGHT = 320;
const POINT = "Point at the chart for its numbers.";
const DASH = [6, 4];
const HUES = { alarm: "--bad", deployed: "--accent", held: "--quiet", rolled_back: "--deployed" };

export function backtestChart(lines) {
  const drawn = lines.filter(({ said }) => said.ctr !== null && said.days.length);
  if (!drawn.length) return el("p", { class: "quiet" }, "Nothing was shown in this time.");
  const { at, values } = smoothed(drawn);
  const hidden = new Set();
  const place = el("div", { class: "plot" });
  const hover = el("p", { class: "quiet hover", "aria-hidden": "true" }, POINT);
  const tell = (i) => {
    hover.textContent =
      i === null || i === undefined ? POINT : inWords(drawn, hidden, at, values, i);
  };
  const summary = `CTR over the whole time: ${drawn
    .map(({ name, said }) => `${name} ${percent(said.ctr)}`)
    .join(", ")}.`;
  const box = el(
    "div",
    { class: "chart" },
    el("p", {}, `Each point is the CTR of the ${SMOOTHED_DAYS} days that end there.`),
    toggles(drawn, hidden, () => draw()),
    key(drawn),
    el("div", { role: "img", "aria-label": `Chart of the CTR over time. ${summary}` }, place),
    hover,
    numbers(drawn, at, values),
  );
  let plot = null;
  const draw = () => {
    plot?.destroy();
    plot = null;
    if (!box.clientWidth) return;
    plot = new uPlot(
      options(drawn, hidden, at, values, box.clientWidth, tell),
      [at, ...values],
      place,
    );
  };
  redrawn(box, draw);
  return box;
}

const seconds = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;

// Days of all lines, and the trailing CTR of each line at each of them; null where it has none.
function smoothed(lines) {
  const at = [
    ...new Set(lines.flatMap(({ said }) => said.days.map(({ day }) => seconds(day)))),
  ].sort((a, b) => a - b);
  const values = lines.map(({ said }) => {
    const ctr = new Map();
    said.days.forEach(({ day }, i) => {
      const part = said.days.slice(Math.max(0, i - SMOOTHED_DAYS + 1), i + 1);
      const impressions = part.reduce((sum, one) => sum + one.impressions, 0);
      const clicks = part.reduce((sum, one) => sum + one.clicks, 0);
      ctr.set(seconds(day), impressions ? clicks / impressions : null);
    });
    return at.map((moment) => ctr.get(moment) ?? null);
  });
  return { at, values };
}

function swatch({ colour: index, dashed }) {
  return svg(
    "svg",
    { viewBox: "0 0 22 8", class: `swatch line-${index}`, "aria-hidden": "true" },
    svg("path", { d: "M1 4h20", "stroke-dasharray": dashed ? DASH.join(" ") : null }),
  );
}

function toggles(lines, hidden, draw) {
  const buttons = lines.map((line, index) => {
    const button = el(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-pressed": "true",
        onclick: () => {
          if (!hidden.delete(index)) hidden.add(index);
          button.setAttribute("aria-pressed", String(!hidden.has(index)));
          announce(`${line.name} is ${hidden.has(index) ? "hidden" : "shown"}`);
          draw();
        },
      },
      swatch(line),
      line.name,
    );
    return button;
  });
  return el("div", { class: "chips", role: "group", "aria-label": "Policies shown" }, buttons);
}

function key(lines) {
  const kinds = new Set(
    lines
      .filter(({ said }) => watched(said))
      .flatMap(({ said }) => said.events.map(({ kind }) => kind)),
  );
  const shapes = {
    alarm: "M2 2h10L7 11z",
    deployed: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9z",
    held: "M3 3l8 8M11 3l-8 8",
    rolled_back: "M3 3h8v8H3z",
  };
  const items = Object.entries(shapes)
    .filter(([kind]) => kinds.has(kind))
    .map(([kind, d]) =>
      el(
        "li",
        {},
        svg("svg", { viewBox: "0 0 14 14", class: `mark mark-${kind}` }, svg("path", { d })),
        HAPPENED[kind],
      ),
    );
  return items.length ? el("ul", { class: "keys", "aria-hidden": "true" }, items) : null;
}

function inWords(lines, hidden, at, values, i) {
  const said = lines
    .map(({ name }, index) => [name, values[index][i], hidden.has(index)])
    .filter(([, value, gone]) => value !== null && !gone)
    .map(([name, value]) => `${name} ${percent(value)}`);
  return `${new Date(1000 * at[i]).toISOString().slice(0, 10)}: ${said.join(", ") || "nothing"}`;
}

function options(lines, hidden, at, values, width, tell) {
  const told = values.filter((_, index) => !hidden.has(index)).flat();
  const known = told.filter((value) => value !== null);
  const top = known.reduce((most, value) => Math.max(most, value), 0.001);
  const least = known.reduce((few, value) => Math.min(few, value), top);
  const series = lines.map((line, index) => ({
    stroke: colour(`--line-${line.colour}`),
    dash: line.dashed ? DASH : undefined,
    width: watched(line.said) ? 2.6 : 1.6,
    show: !hidden.has(index),
    points: { show: at.length === 1 },
  }));
  return {
    width,
    height: HEIGHT,
    tzDate: utc,
    cursor: { drag: { x: false, y: false } },
    legend: { show: false },
    series: [{}, ...series],
    axes: axes((tick) => percent(tick, 1)),
    scales: { y: { range: () => [least > top / 3 ? 0.95 * least : 0, 1.05 * top] } },
    hooks: {
      draw: [(plot) => marks(plot, lines, hidden, at, values)],
      setCursor: [(plot) => tell(plot.cursor.idx)],
    },
  };
}

function marks(plot, lines, hidden, at, values) {
  const scale = window.devicePixelRatio || 1;
  const index = new Map(at.map((moment, i) => [moment, i]));
  plot.ctx.save();
  plot.ctx.lineWidth = 1.5 * scale;
  plot.ctx.setLineDash([]); // the line that was drawn last may have been dashed
  lines.forEach(({ said }, number) => {
    if (hidden.has(number) || !watched(said)) return;
    for (const { kind, hour } of said.events) {
      if (!(kind in HUES)) continue;
      const height = values[number][index.get(seconds(hour.slice(0, 10)))];
      if (height === undefined || height === null) continue;
      const moment = Math.min(Date.parse(`${hour}:00:00Z`) / 1000, at[at.length - 1]);
      const x = plot.valToPos(moment, "x", true);
      shape(plot.ctx, kind, x, plot.valToPos(height, "y", true), 5 * scale);
    }
  });
  plot.ctx.restore();
}

function shape(ctx, kind, x, y, size) {
  ctx.fillStyle = colour(HUES[kind]);
  ctx.beginPath();
  if (kind === "held") {
    ctx.strokeStyle = ctx.fillStyle;
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x + size, y - size);
    ctx.lineTo(x - size, y + size);
    ctx.stroke();
    return;
  }
  if (kind === "alarm") {
    const above = y - 2 * size; // a deployment is often on the same day: not one upon the other
    ctx.moveTo(x - size, above - size);
    ctx.lineTo(x + size, above - size);
    ctx.lineTo(x, above + size);
  } else if (kind === "deployed") ctx.arc(x, y, size, 0, 2 * Math.PI);
  else ctx.rect(x - size, y - size, 2 * size, 2 * size);
  ctx.closePath();
  ctx.fill();
  ctx.strokeStyle = colour("--card");
  ctx.stroke();
}

// The same numbers as a table, made when it is first opened.
function numbers(lines, at, values) {
  const box = el("div", {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": "The chart's numbers",
  });
  const fillIn = () => {
    if (box.childElementCount) return;
    const rows = at.map((moment, i) => [
      new Date(1000 * moment).toISOString().slice(0, 10),
      ...values.map((line) => percent(line[i])),
    ]);
    const heads = ["Day (UTC)", ...lines.map(({ name }) => name)];
    box.append(table("The chart's numbers, oldest first", heads, rows));
  };
  return el("details", { ontoggle: fillIn }, el("summary", {}, "Show the numbers"), box);
}
