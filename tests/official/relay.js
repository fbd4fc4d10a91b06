// The relay's HTTP API.

export class Relay {
  token;

  constructor(base) {
    this.base = base;
  }

  async trustRoot() {
    const { trust_root } = await this.#call("GET", "/v1/certificate/root");
    return Buffer.from(trust_root, "base64");
  }

  challenge(identity, deviceId) {
    return this.#call("POST", "/v1/register/challenge", { identity, device_id: deviceId });
  }

  async register(request) {
    const answer = await this.#call("POST", "/v1/register", request);
    this.token = answer.token;
    return answer;
  }

  upload(prekeys) {
    return this.#call("POST", "/v1/prekeys", prekeys);
  }

  bundle(handle) {
    return this.#call("GET", `/v1/prekeys/${handle}`);
  }

  // One sealed message for the one device of somebody.
  send({ to, ...message }) {
    return this.#call("POST", "/v1/messages", { to, messages: [message] });
  }

  async #call(method, path, body) {
    const headers = { "content-type": "application/json" };
    if (this.token) {
      headers.authorization = `Bearer ${this.token}`;
    }
    const response = await fetch(this.base + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    });
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    }
    return response.json();
  }
}
