// A small part of Markdown, built as nodes: paragraphs, headings, lists, quotes, code, bold,
// italics. An answer is text from elsewhere: nothing in it becomes markup, and links stay text.

import { el } from './dom.js';

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^#{1,6}\s+(.*)$/;
const BULLET = /^\s*[-*+•]\s+(.*)$/;
const NUMBERED = /^\s*(\d{1,6})[.)]\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;

/** @returns {HTMLElement[]} */
export function render(text) {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const blocks = [];
  let at = 0;
  const take = (pattern) => {
    const taken = [];
    for (let match; at < lines.length && (match = pattern.exec(lines[at])); at += 1) taken.push(match);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at];
    if (line.trim() === '') {
      at += 1;
    } else if (FENCE.test(line)) {
      blocks.push(code(lines, at));
      at = endOfCode(lines, at);
    } else if (HEADING.test(line)) {
      blocks.push(el('p', { class: 'md-heading' }, ...inline(HEADING.exec(line)[1])));
      at += 1;
    } else if (BULLET.test(line)) {
      blocks.push(el('ul', {}, take(BULLET).map((match) => el('li', {}, ...inline(match[1])))));
    } else if (NUMBERED.test(line)) {
      const items = take(NUMBERED);
      const start = items[0][1] === '1' ? null : items[0][1];
      blocks.push(el('ol', { start }, items.map((match) => el('li', {}, ...inline(match[2])))));
    } else if (QUOTE.test(line)) {
      const quoted = take(QUOTE).map((match) => match[1]).join('\n');
      blocks.push(el('blockquote', {}, el('p', {}, ...inline(quoted))));
    } else {
      const start = at;
      while (at < lines.length && isPlain(lines[at])) at += 1;
      blocks.push(el('p', {}, ...inline(lines.slice(start, at).join('\n'))));
    }
  }
  return blocks;
}

function isPlain(line) {
  return line.trim() !== '' && ![FENCE, HEADING, BULLET, NUMBERED, QUOTE].some((kind) => kind.test(line));
}

function endOfCode(lines, start) {
  const end = lines.findIndex((line, index) => index > start && FENCE.test(line));
  return end < 0 ? lines.length : end + 1;
}

function code(lines, start) {
  const end = endOfCode(lines, start);
  const closed = end > start + 1 && FENCE.test(lines[end - 1]);
  const body = lines.slice(start + 1, closed ? end - 1 : end).join('\n');
  return el('pre', { tabindex: 0 }, el('code', {}, body));
}

/** Text with code, bold and italics in it. Bold may hold the other two. */
function inline(text) {
  const nodes = [];
  const marks =
    /`([^`\n]+)`|\*\*(?=\S)(.+?)\*\*|(?<![\w*])\*(?=[^\s*])([^*\n]+?)\*(?![\w*])|(?<!\w)_(?=[^\s_])([^_\n]+?)_(?!\w)/g;
  let last = 0;
  for (const match of text.matchAll(marks)) {
    nodes.push(text.slice(last, match.index));
    if (match[1] !== undefined) nodes.push(el('code', {}, match[1]));
    else if (match[2] !== undefined) nodes.push(el('strong', {}, ...inline(match[2])));
    else nodes.push(el('em', {}, match[3] ?? match[4]));
    last = match.index + match[0].length;
  }
  nodes.push(text.slice(last));
  return nodes.filter((node) => node !== '');
}
