// How fast the official client is: two of its devices in this process, with their stores in
// memory. Each line `<plain|sealed> <one-way|ping-pong> <count>` is answered by nanoseconds.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import * as signal from "@signalapp/libsignal-client";
import { Stores } from "./stores.js";

const BODY = new Uint8Array(Number(process.env.BODY)).fill(0x78);
const ROOT = signal.PrivateKey.generate();
const SERVER = signal.PrivateKey.generate();
const SIGNER = signal.ServerCertificate.new(1, SERVER.getPublicKey(), ROOT);
const YEAR_MS = 365 * 24 * 3600 * 1000;

class Party {
  constructor(registrationId) {
    this.pair = signal.IdentityKeyPair.generate();
    this.registrationId = registrationId;
    this.stores = new Stores(this.pair, registrationId);
    this.uuid = randomUUID();
    this.address = signal.ProtocolAddress.new(this.uuid, 1);
    this.certificate = signal.SenderCertificate.new(
      this.uuid,
      null,
      1,
      this.pair.publicKey,
      Date.now() + YEAR_MS,
      SIGNER,
      SERVER,
    );
  }

  // One of each prekey.
  async bundle() {
    const [once, signed] = [signal.PrivateKey.generate(), signal.PrivateKey.generate()];
    const kyber = signal.KEMKeyPair.generate();
    const sign = (key) => this.pair.privateKey.sign(key.serialize());
    const [ofSigned, ofKyber] = [sign(signed.getPublicKey()), sign(kyber.getPublicKey())];
    const { prekeys, signed: standing, kyber: kybers } = this.stores;
    await prekeys.savePreKey(1, signal.PreKeyRecord.new(1, once.getPublicKey(), once));
    await standing.saveSignedPreKey(
      1,
      signal.SignedPreKeyRecord.new(1, Date.now(), signed.getPublicKey(), signed, ofSigned),
    );
    await kybers.saveKyberPreKey(1, signal.KyberPreKeyRecord.new(1, Date.now(), kyber, ofKyber));
    return signal.PreKeyBundle.new(
      this.registrationId,
      1,
      1,
      once.getPublicKey(),
      1,
      signed.getPublicKey(),
      ofSigned,
      this.pair.publicKey,
      1,
      kyber.getPublicKey(),
      ofKyber,
    );
  }
}

// Messages as the Double Ratchet makes them; their sender is in plain sight.
const plain = {
  async seal(from, to) {
    const { sessions, identities } = from.stores;
    return signal.signalEncrypt(BODY, to.address, from.address, sessions, identities);
  },

  async open(from, to, message) {
    const { sessions, identities, prekeys, signed, kyber } = to.stores;
    const between = [from.address, to.address, sessions, identities];
    const bytes = message.serialize();
    return message.type() === signal.CiphertextMessageType.PreKey
      ? signal.signalDecryptPreKey(
          signal.PreKeySignalMessage.deserialize(bytes),
          ...between,
          prekeys,
          signed,
          kyber,
        )
      : signal.signalDecrypt(signal.SignalMessage.deserialize(bytes), ...between);
  },
};

// The same in sealed sender envelopes.
const sealed = {
  async seal(from, to) {
    const { sessions, identities } = from.stores;
    const { address } = to;
    return signal.sealedSenderEncryptMessage(BODY, address, from.certificate, sessions, identities);
  },

  async open(_from, to, envelope) {
    const { sessions, identities, prekeys, signed, kyber } = to.stores;
    const opened = await signal.sealedSenderDecryptMessage(
      envelope,
      ROOT.getPublicKey(),
      Date.now(),
      null,
      to.uuid,
      1,
      sessions,
      identities,
      prekeys,
      signed,
      kyber,
    );
    return opened.message();
  },
};

const PARTIES = [new Party(1), new Party(2)];
const SEALS = { plain, sealed };
// Who seals the message of this number.
const WAYS = { "one-way": () => 0, "ping-pong": (number) => number % 2 };

async function exchange(seal, way, count) {
  const began = process.hrtime.bigint();
  for (let number = 0; number < count; number += 1) {
    const from = PARTIES[way(number)];
    const to = PARTIES[1 - way(number)];
    const message = await seal.seal(from, to);
    const said = await seal.open(from, to, message);
    assert.equal(said.length, BODY.length);
  }
  return process.hrtime.bigint() - began;
}

const [alice, bob] = PARTIES;
const { sessions, identities } = alice.stores;
const bundle = await bob.bundle();
await signal.processPreKeyBundle(bundle, bob.address, alice.address, sessions, identities);
// Answered, so that no more prekey messages are made.
await exchange(plain, WAYS["ping-pong"], 4);

for await (const line of createInterface({ input: process.stdin })) {
  const [seal, way, count] = line.split(" ");
  console.log(String(await exchange(SEALS[seal], WAYS[way], Number(count))));
}
