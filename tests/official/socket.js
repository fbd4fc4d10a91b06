// The relay's WebSocket.
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import WebSocket from "ws";

const PATIENCE_MS = 120_000;

export class Socket {
  #socket;
  #delivered = [];
  #unsent = new Set();
  #unacknowledged = new Set();
  #failure;

  static async open(relay, handle) {
    const socket = new Socket();
    const url = `${relay.base.replace("http", "ws")}/ws?client_id=${handle}`;
    socket.#socket = new WebSocket(url, ["sysmaint.v1"], {
      headers: { authorization: `Bearer ${relay.token}` },
    });
    socket.#socket.on("message", (data) => socket.#take(JSON.parse(data)));
    await once(socket.#socket, "open");
    return socket;
  }

  // What was delivered since it was last asked for, at least so many. Each is acknowledged here:
  // this client's disk is its memory.
  async deliveries(atLeast) {
    await this.#until(() => this.#delivered.length >= atLeast, `${atLeast} deliveries`);
    const taken = this.#delivered;
    this.#delivered = [];
    return taken;
  }

  send(message) {
    this.#unsent.add(message.id);
    this.#write({ type: "send", ...message });
  }

  // Waits until everything is stored, and everything acknowledged is gone.
  settled() {
    const open = () => this.#unsent.size + this.#unacknowledged.size;
    return this.#until(() => open() === 0, "the relay's confirmations");
  }

  close() {
    this.#socket.close();
  }

  #take(frame) {
    switch (frame.type) {
      case "deliver":
        this.#delivered.push(frame);
        this.#unacknowledged.add(frame.seq);
        this.#write({ type: "ack", seq: [frame.seq] });
        break;
      case "acked":
        frame.seq.forEach((number) => this.#unacknowledged.delete(number));
        break;
      case "sent":
        this.#unsent.delete(frame.id);
        break;
      default:
        this.#failure = new Error(`the relay says ${JSON.stringify(frame)}`);
    }
  }

  #write(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  async #until(holds, what) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!holds()) {
      if (this.#failure) {
        throw this.#failure;
      }
      if (Date.now() > deadline) {
        throw new Error(`waited in vain for ${what}`);
      }
      await pause(5);
    }
  }
}
