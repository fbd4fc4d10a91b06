// Building the page's nodes. Text goes in as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an element. `props` are attributes; `class` and `on…` listeners included. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Makes an SVG element. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/** Sets a node's text, only if it changes, so that screen readers are not told again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** Scrolls smoothly unless the reader prefers less motion. */
export function scrollToEnd(node) {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  node.scrollTo({ top: node.scrollHeight, behavior: still ? 'auto' : 'smooth' });
}

/** Lets a text box grow with its text, up to the limit in its style sheet. */
export function growWithText(box) {
  const fit = () => {
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight + 2}px`;
  };
  box.addEventListener('input', fit);
  fit();
  return fit;
}

/** Sends on Enter; Shift+Enter is a new line, and Enter that ends a composition is neither. */
export function sendOnEnter(box, send) {
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
}

/** How many bytes a text takes in a message. */
export function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) {
      node.addEventListener(name.slice(2), value);
    } else if (value === true) {
      node.setAttribute(name, '');
    } else {
      node.setAttribute(name, String(value));
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}
