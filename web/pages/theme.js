// The theme button: the system's, light, dark, and round again. Remembered.

const ORDER = ['system', 'light', 'dark'];

export function startTheme(button) {
  show(button, current());
  button.addEventListener('click', () => {
    const next = ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length];
    if (next === 'system') {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = next;
    }
    remember(next);
    show(button, next);
  });
}

function current() {
  return document.documentElement.dataset.theme ?? 'system';
}

function remember(theme) {
  try {
    if (theme === 'system') {
      localStorage.removeItem('theme');
    } else {
      localStorage.setItem('theme', theme);
    }
  } catch {
    // Storage is blocked: it holds until the page is closed.
  }
}

function show(button, theme) {
  button.dataset.choice = theme;
  button.setAttribute('aria-label', `Theme: ${theme}. Change`);
  button.title = `Theme: ${theme}`;
}
