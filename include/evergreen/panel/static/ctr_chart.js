// The CTR of the last days with the band of what was expected, and beneath it the evidence against
// the level at which it alarms. Deployments, alarms and quarantined hours are marked in both.

/* global uPlot */
import { el, table } from "./dom.js";
import { axes, colour, redrawn, utc } from "./plot.js";
import { change, count, number, percent, plainMoment } from "./words.js";

const SYNC = "evergreen";
const HEIGHTS = { ctr: 240, evidence: 120 };
const POINT = "Point at the chart for its numbers.";
const CLIP_AT_LEVELS = 3; // evidence far above the level would flatten everything else

export function ctrChart(page) {
  const line = page.timeline;
  const summary = inWords(page);
  const places = { ctr: el("div", { class: "plot" }), evidence: el("div", { class: "plot" }) };
  const judged = line.evidence.some((value) => value !== null);
  const hover = el("p", { class: "quiet hover", "aria-hidden": "true" }, POINT);
  const tell = (index) => {
    hover.textContent = index === null || index === undefined ? POINT : pointInWords(line, index);
  };
  const box = el(
    "div",
    { class: "chart" },
    el("p", { id: "ctr-summary" }, summary),
    key(page),
    el("div", { role: "img", "aria-label": `Chart of the CTR. ${summary}` }, places.ctr),
    judged
      ? el(
          "p",
          { class: "quiet" },
          "Evidence of a drop (logarithm); it alarms above the dashed level",
        )
      : el("p", { class: "quiet" }, "No hour of this time has been judged yet."),
    el(
      "div",
      { role: "img", "aria-label": `Chart of the evidence. ${evidenceInWords(line)}` },
      judged ? places.evidence : null,
    ),
    hover,
    numbers(line),
  );
  let plots = [];
  const draw = () => {
    for (const plot of plots) plot.destroy();
    const width = box.clientWidth;
    if (!width || !line.at.length) return;
    plots = [drawCtr(places.ctr, page, width, tell)];
    if (judged) plots.push(drawEvidence(places.evidence, page, width, tell));
  };
  redrawn(box, draw);
  return box;
}

function inWords(page) {
  const line = page.timeline;
  const last = line.ctr.findLastIndex((value) => value !== null);
  if (last < 0) return "No mature impression in this time.";
  const alarms = line.alarm.filter(Boolean).length;
  const expected = line.expected[last];
  const than =
    expected === null
      ? ""
      : `, expected ${percent(expected)} (${change(line.ctr[last], expected)})`;
  const said = [
    `CTR of the last 24 hours: ${percent(line.ctr[last])}${than}.`,
    alarms
      ? `The CTR sensor alarmed in ${alarms} of these hours.`
      : "The CTR sensor never alarmed.",
  ];
  const versions = page.deployed.map((one) => `version ${one.version}`);
  if (versions.length) said.push(`Deployed in this time: ${versions.join(", ")}.`);
  return said.join(" ");
}

function evidenceInWords(line) {
  const last = line.evidence.findLastIndex((value) => value !== null);
  if (last < 0) return "Nothing was judged.";
  return `It is ${number(line.evidence[last])} now and alarms above ${number(line.level[last])}.`;
}

function key(page) {
  const item = (kind, text) =>
    el("li", {}, el("span", { class: `key ${kind}`, "aria-hidden": "true" }), text);
  const items = [
    item("key-ctr", "CTR, trailing 24 hours"),
    item("key-expected", "expected, with its 95 % band"),
  ];
  if (page.deployed.length) items.push(item("key-deployed", "deployed"));
  if (page.timeline.alarm.some(Boolean)) items.push(item("key-alarm", "CTR alarm"));
  if (page.quarantined.length) items.push(item("key-quarantine", "hours in quarantine"));
  return el("ul", { class: "keys", "aria-hidden": "true" }, items);
}

function options(page, width, height, tell, more) {
  return {
    width,
    height,
    tzDate: utc,
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false } },
    legend: { show: false },
    hooks: { draw: [(plot) => marks(plot, page)], setCursor: [(plot) => tell(plot.cursor.idx)] },
    ...more,
  };
}

function pointInWords(line, i) {
  const expected =
    line.expected[i] === null
      ? ""
      : `, expected ${percent(line.expected[i])} (${percent(line.low[i])} to ${percent(line.high[i])})`;
  const judged =
    line.evidence[i] === null
      ? ""
      : `; evidence ${number(line.evidence[i])}, alarm above ${number(line.level[i])}`;
  const version = line.version[i] ? `, version ${line.version[i]}` : "";
  return `${plainMoment(line.at[i])}: CTR ${percent(line.ctr[i])}${expected}; ${count(line.impressions[i], "impression")} in the hour${version}${judged}`;
}

function drawCtr(place, page, width, tell) {
  const line = page.timeline;
  const band = { stroke: "transparent", points: { show: false } };
  const series = [
    {},
    band,
    band,
    { stroke: colour("--quiet"), dash: [5, 4], width: 1.5, points: { show: false } },
    { stroke: colour("--accent"), width: 2, points: { show: false } },
  ];
  const told = [...line.ctr, ...line.expected].filter((value) => value !== null);
  const top = 1.6 * Math.max(...told, 0.001); // a band of a handful of impressions would go far above
  const least = Math.min(...told, ...line.low.filter((value) => value !== null));
  const data = [line.at, line.low, line.high, line.expected, line.ctr];
  const more = {
    series,
    axes: axes((tick) => percent(tick, 1)),
    bands: [{ series: [2, 1], fill: colour("--band") }],
    scales: { y: { range: () => [least > top / 3 ? 0.9 * least : 0, top] } },
  };
  return new uPlot(options(page, width, HEIGHTS.ctr, tell, more), data, place);
}

function drawEvidence(place, page, width, tell) {
  const line = page.timeline;
  const top = Math.max(...line.level.filter((value) => value !== null), 1);
  const least = Math.min(...line.evidence.filter((value) => value !== null), 0);
  const series = [
    {},
    { stroke: colour("--bad"), dash: [5, 4], width: 1.5, points: { show: false } },
    { stroke: colour("--ink"), width: 1.5, points: { show: false } },
  ];
  const highest = CLIP_AT_LEVELS * top; // what lies above runs along the upper edge
  const clipped = line.evidence.map((value) => (value === null ? null : Math.min(value, highest)));
  const more = {
    series,
    axes: axes((tick) => number(tick, 0)),
    scales: { y: { range: () => [Math.max(least, -top), 1.05 * highest] } },
  };
  const data = [line.at, line.level, clipped];
  return new uPlot(options(page, width, HEIGHTS.evidence, tell, more), data, place);
}

function marks(plot, page) {
  const { ctx, bbox } = plot;
  const scale = window.devicePixelRatio || 1;
  const across = (seconds) => plot.valToPos(seconds, "x", true);
  const inside = (x) => x >= bbox.left - 1 && x <= bbox.left + bbox.width + 1;
  ctx.save();
  ctx.fillStyle = colour("--quarantine");
  for (const hour of page.quarantined) {
    const start = Date.parse(hour) / 1000;
    const from = across(start);
    if (inside(from))
      ctx.fillRect(from, bbox.top, Math.max(across(start + 3600) - from, 2 * scale), bbox.height);
  }
  ctx.fillStyle = colour("--bad");
  page.timeline.at.forEach((at, index) => {
    if (!page.timeline.alarm[index]) return;
    const x = across(at);
    ctx.beginPath();
    ctx.moveTo(x - 4 * scale, bbox.top);
    ctx.lineTo(x + 4 * scale, bbox.top);
    ctx.lineTo(x, bbox.top + 7 * scale);
    ctx.fill();
  });
  ctx.strokeStyle = colour("--deployed");
  ctx.fillStyle = colour("--deployed");
  ctx.lineWidth = 1.5 * scale;
  ctx.font = `600 ${12 * scale}px system-ui, sans-serif`;
  for (const one of page.deployed) {
    const x = across(one.at);
    if (!inside(x)) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const left = x > bbox.left + bbox.width - 40 * scale;
    ctx.textAlign = left ? "right" : "left";
    ctx.fillText(`v${one.version}`, x + (left ? -5 : 5) * scale, bbox.top + 20 * scale);
  }
  ctx.restore();
}

// The same numbers as a table, made when it is first opened.
function numbers(line) {
  const box = el("div", {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": "The chart's numbers",
  });
  const heads = [
    "Hour (UTC)",
    "CTR",
    "Expected",
    "Band",
    "Impressions",
    "Evidence",
    "Alarm",
    "Version",
  ];
  const fillIn = () => {
    if (box.childElementCount) return;
    const rows = line.at.map((at, i) => [
      plainMoment(at).slice(0, 16),
      percent(line.ctr[i]),
      percent(line.expected[i]),
      line.low[i] === null ? "–" : `${percent(line.low[i])} to ${percent(line.high[i])}`,
      line.impressions[i].toLocaleString("en"),
      number(line.evidence[i]),
      line.alarm[i] ? "yes" : "–",
      line.version[i] ?? "–",
    ]);
    box.append(table("The chart's numbers, newest first", heads, rows.reverse()));
  };
  return el("details", { ontoggle: fillIn }, el("summary", {}, "Show the numbers"), box);
}
