// What every box for text does.

/** Lets a box grow with its text, up to the limit in its style sheet: `use:growWithText={text}`. */
export function growWithText(box: HTMLTextAreaElement, _text: string): { update: () => void } {
  const update = (): void => {
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight + 2}px`;
  };
  update();
  return { update: () => requestAnimationFrame(update) };
}

/** Enter sends; Shift+Enter is a new line, and Enter that ends a composition is neither. */
export function sendsOnEnter(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing;
}

/** How many bytes a text takes in a message. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Scrolls smoothly, unless at once is better or the reader prefers less motion. */
export function scrollToEnd(node: HTMLElement, atOnce = false): void {
  const still = atOnce || matchMedia('(prefers-reduced-motion: reduce)').matches;
  node.scrollTo({ top: node.scrollHeight, behavior: still ? 'instant' : 'smooth' });
}
