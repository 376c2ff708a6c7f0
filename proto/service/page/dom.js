// Elements, made without a string of HTML: whatever the chain says is only ever text.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** An HTML element with attributes, listeners (`onclick`) and children; strings become text. */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

/** The same of SVG. */
export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

/** Sets an element's text if it is another one: what did not change is not painted, nor read out. */
export function text(element, value) {
  const wanted = String(value ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
  return element;
}

/** Replaces the children of an element. */
export function put(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/**
 * Keeps the children of `parent` like `items`: an item's element stays the same while its key does, so that focus and
 * selection stay where they are.
 */
export function keep(parent, items, key, make, update) {
  const old = (parent.kept ??= new Map());
  const next = new Map();
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = old.get(name);
    if (element === undefined) {
      element = make(item);
      parent.insertBefore(element, at);
    } else if (element === at) {
      at = at.nextElementSibling;
    } else {
      parent.insertBefore(element, at);
    }
    update?.(element, item);
    next.set(name, element);
  }
  for (const [name, element] of old) if (!next.has(name)) element.remove();
  parent.kept = next;
  return parent;
}

/**
 * A table with a caption for screen readers and headings; `numeric` are the columns set to the right, those of `wide` go where there is little room,
 * those of `desk` where there is least. */
export function table(caption, headings, { numeric = [], wide = [], desk = [] } = {}) {
  const body = h("tbody");
  const head = headings.map((words, at) =>
    h(
      "th",
      {
        scope: "col",
        class:
          [numeric.includes(at) && "n", wide.includes(at) && "wide", desk.includes(at) && "desk"]
            .filter(Boolean)
            .join(" ") || null,
      },
      words,
    ),
  );
  const element = h(
    "table",
    null,
    h("caption", { class: "hidden" }, caption),
    h("thead", null, h("tr", null, head)),
    body,
  );
  return { element: h("div", { class: "table" }, element), body };
}

/** A list of terms: pairs of words and what they are. */
export const terms = (pairs, props) =>
  h(
    "dl",
    { class: "terms", ...props },
    pairs.filter(Boolean).map(([term, ...what]) => h("div", null, h("dt", null, term), h("dd", null, what))),
  );

/** A section with a heading. */
export const card = (title, ...children) => h("section", { class: "card" }, h("h2", null, title), children);

/** Words in the place of what is not there. */
export const empty = (...words) => h("p", { class: "empty" }, words);
