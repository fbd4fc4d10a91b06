// A shuffle that the same seed repeats.

export class Order {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  // Fisher and Yates, over a 32-bit linear congruence.
  shuffled(list) {
    const mixed = [...list];
    for (let left = mixed.length; left > 1; left -= 1) {
      this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
      const pick = Math.floor((this.#state / 2 ** 32) * left);
      [mixed[left - 1], mixed[pick]] = [mixed[pick], mixed[left - 1]];
    }
    return mixed;
  }
}
