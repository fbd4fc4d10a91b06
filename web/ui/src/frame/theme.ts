// The theme: the system's, light or dark. Remembered in this browser; first-paint.js applies it.

export type Theme = 'system' | 'light' | 'dark';

export const THEMES: Theme[] = ['system', 'light', 'dark'];

export function currentTheme(): Theme {
  const named = document.documentElement.dataset.theme;
  return named === 'light' || named === 'dark' ? named : 'system';
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', theme);
  } catch {
    // Storage is blocked: it holds until the page is closed.
  }
  dispatchEvent(new Event('themechange'));
}

/** Calls back whenever colours change, for what is drawn and not styled. */
export function onThemeChange(handle: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', handle);
  addEventListener('themechange', handle);
  return () => {
    system.removeEventListener('change', handle);
    removeEventListener('themechange', handle);
  };
}
