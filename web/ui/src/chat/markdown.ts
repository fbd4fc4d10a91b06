// Markdown as harmless nodes. An answer is text from elsewhere: raw HTML in it is shown as text,
// nothing is fetched, and links stay text beside their address. What is left goes through
// DOMPurify all the same.

import DOMPurify from 'dompurify';
import { Marked } from 'marked';

const TAGS = [
  'p', 'strong', 'em', 'del', 'code', 'pre', 'ul', 'ol', 'li', 'blockquote', 'br', 'hr', 'div',
  'table', 'thead', 'tbody', 'tr', 'th', 'td',
];

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    heading({ tokens }) {
      return `<p class="heading">${this.parser.parseInline(tokens)}</p>\n`;
    },
    code: ({ text }) => `<pre tabindex="0"><code>${escaped(text)}</code></pre>\n`,
    link({ href, tokens }) {
      const words = this.parser.parseInline(tokens);
      return words === escaped(href) ? words : `${words} (${escaped(href)})`;
    },
    image: ({ text, href }) => `${escaped(text)} (${escaped(href)})`,
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    tablecell({ header, tokens }) {
      const tag = header ? 'th' : 'td';
      return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`;
    },
  },
});

/** Markup of known tags only; what stood there as HTML is text in it. */
export function toMarkup(text: string): string {
  return marked.parse(text, { async: false });
}

export function toNodes(text: string): DocumentFragment {
  return DOMPurify.sanitize(toMarkup(text), {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ['class', 'start', 'tabindex'],
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
  });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
