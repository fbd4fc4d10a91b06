// What the official library keeps, in memory. A record is kept as bytes, as on a disk.
import * as signal from "@signalapp/libsignal-client";

const named = (address) => `${address.name()}.${address.deviceId()}`;

class Sessions extends signal.SessionStore {
  #records = new Map();

  async saveSession(address, record) {
    this.#records.set(named(address), record.serialize());
  }

  async getSession(address) {
    const bytes = this.#records.get(named(address));
    return bytes ? signal.SessionRecord.deserialize(bytes) : null;
  }

  async getExistingSessions(addresses) {
    return Promise.all(addresses.map((address) => this.getSession(address)));
  }
}

// Pins each peer's key when it is first seen, and trusts no other one.
class Identities extends signal.IdentityKeyStore {
  #pinned = new Map();

  constructor(pair, registrationId) {
    super();
    this.pair = pair;
    this.registrationId = registrationId;
  }

  async getIdentityKey() {
    return this.pair.privateKey;
  }

  async getLocalRegistrationId() {
    return this.registrationId;
  }

  async saveIdentity(address, key) {
    const name = named(address);
    const known = this.#pinned.get(name);
    this.#pinned.set(name, known ?? key);
    return signal.IdentityChange.NewOrUnchanged;
  }

  async isTrustedIdentity(address, key) {
    const known = this.#pinned.get(named(address));
    return !known || known.equals(key);
  }

  async getIdentity(address) {
    return this.#pinned.get(named(address)) ?? null;
  }
}

class Prekeys extends signal.PreKeyStore {
  #records = new Map();

  async savePreKey(id, record) {
    this.#records.set(id, record.serialize());
  }

  async getPreKey(id) {
    return signal.PreKeyRecord.deserialize(this.#records.get(id));
  }

  async removePreKey(id) {
    this.#records.delete(id);
  }
}

class SignedPrekeys extends signal.SignedPreKeyStore {
  #records = new Map();

  async saveSignedPreKey(id, record) {
    this.#records.set(id, record.serialize());
  }

  async getSignedPreKey(id) {
    return signal.SignedPreKeyRecord.deserialize(this.#records.get(id));
  }
}

// One-time keys are gone once they were used; the last resort stays.
class KyberPrekeys extends signal.KyberPreKeyStore {
  #records = new Map();
  lastResort = 0;

  async saveKyberPreKey(id, record) {
    this.#records.set(id, record.serialize());
  }

  async getKyberPreKey(id) {
    return signal.KyberPreKeyRecord.deserialize(this.#records.get(id));
  }

  async markKyberPreKeyUsed(id) {
    if (id !== this.lastResort) {
      this.#records.delete(id);
    }
  }
}

export class Stores {
  constructor(identity, registrationId) {
    this.sessions = new Sessions();
    this.identities = new Identities(identity, registrationId);
    this.prekeys = new Prekeys();
    this.signed = new SignedPrekeys();
    this.kyber = new KyberPrekeys();
  }
}
