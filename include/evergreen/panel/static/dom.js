// Elements are made here and nowhere else. Text goes in as text, so data can never become markup.

const SVG = "http://www.w3.org/2000/svg";

export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export function put(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child));
}

// Says something to screen readers without moving the focus.
export function announce(text) {
  const place = document.getElementById("announce");
  if (place) place.textContent = text;
}

export function section(id, title, ...children) {
  return el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, title), children);
}

// A table that becomes a list of cards on a phone: each cell knows the head of its column.
export function table(caption, heads, rows) {
  const cells = (row) =>
    row.map((cell, index) =>
      index === 0
        ? el("th", { scope: "row", "data-label": heads[index] }, cell)
        : el("td", { "data-label": heads[index] }, el("div", {}, cell)),
    );
  return el(
    "table",
    { class: "rows" },
    el("caption", { class: "unseen" }, caption),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map((head) => el("th", { scope: "col" }, head)),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((row) => el("tr", {}, cells(row))),
    ),
  );
}
