// The present moment, for texts such as "10 s ago". It stands still while the page is hidden.

class Clock {
  #moment = $state(Date.now());
  #every: number;
  #users = 0;
  #timer = 0;

  constructor(every: number) {
    this.#every = every;
  }

  now(): number {
    return this.#moment;
  }

  /** Lets it run while a component lives. */
  run(): () => void {
    this.#users += 1;
    if (this.#users === 1) {
      this.#timer = window.setInterval(this.#tick, this.#every);
      document.addEventListener('visibilitychange', this.#tick);
    }
    return () => {
      this.#users -= 1;
      if (this.#users > 0) return;
      clearInterval(this.#timer);
      document.removeEventListener('visibilitychange', this.#tick);
    };
  }

  #tick = (): void => {
    if (!document.hidden) this.#moment = Date.now();
  };
}

const seconds = new Clock(1000);
/** Often enough for a glance. Each tick lays out and paints a part of the page anew. */
const glances = new Clock(5000);

/** The present second, where somebody waits: `$effect(runClock)`. */
export const now = (): number => seconds.now();
export const runClock = (): (() => void) => seconds.run();

/** The present, to five seconds: `$effect(runGlances)`. */
export const glance = (): number => glances.now();
export const runGlances = (): (() => void) => glances.run();
