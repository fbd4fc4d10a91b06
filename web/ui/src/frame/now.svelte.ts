// The present second, for texts such as "12 s ago". It stands still while the page is hidden.

let second = $state(Date.now());
let users = 0;
let timer = 0;

function tick(): void {
  if (!document.hidden) second = Date.now();
}

/** Lets the clock run while a component lives: `$effect(runClock)`. */
export function runClock(): () => void {
  users += 1;
  if (users === 1) {
    timer = window.setInterval(tick, 1000);
    document.addEventListener('visibilitychange', tick);
  }
  return () => {
    users -= 1;
    if (users > 0) return;
    clearInterval(timer);
    document.removeEventListener('visibilitychange', tick);
  };
}

export function now(): number {
  return second;
}
