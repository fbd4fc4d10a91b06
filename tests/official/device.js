// One device of the official library.
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import * as signal from "@signalapp/libsignal-client";
import * as header from "./header.js";
import { pad, unpad } from "./padding.js";
import { Stores } from "./stores.js";

const CONTEXT = "sysmaint-register-v1";
const ONE_TIME_PREKEYS = 20;
const FIRST_DEVICE = 1;
// Version 2 with 5200 iterations, as Signal's own clients compute safety numbers.
const FINGERPRINT = { iterations: 5200, version: 2 };

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const uuidBytes = (text) => Uint8Array.from(Buffer.from(text.replaceAll("-", ""), "hex"));

export class Device {
  #pair = signal.IdentityKeyPair.generate();
  #registrationId = randomInt(1, 16_381);
  #stores = new Stores(this.#pair, this.#registrationId);
  #sequences = new Map();
  #registered = new Map();
  #root;
  #certificate;

  constructor(handle) {
    this.handle = handle;
    this.address = { serviceId: randomUUID(), deviceId: FIRST_DEVICE };
  }

  // Registers, and checks that the certificate is this device's under the root.
  async register(relay) {
    this.#root = signal.PublicKey.deserialize(await relay.trustRoot());
    const { nonce } = await relay.challenge(this.handle, FIRST_DEVICE);
    const key = this.#pair.publicKey.serialize();
    const request = {
      identity: this.handle,
      service_id: this.address.serviceId,
      device_id: FIRST_DEVICE,
      registration_id: this.#registrationId,
      identity_key: base64(key),
      transport: "relay",
      nonce,
      signature: base64(this.#pair.privateKey.sign(this.#signed(bytes(nonce), key))),
    };
    const { certificate } = await relay.register(request);
    this.#certificate = signal.SenderCertificate.deserialize(bytes(certificate));
    this.#check(this.#certificate, this.address, this.#pair.publicKey);
    await relay.upload(await this.#prekeys());
  }

  // Opens a session with somebody's first device, from a bundle of the directory.
  async meet(bundle) {
    const [device] = bundle.devices;
    const peer = { serviceId: bundle.service_id, deviceId: device.device_id };
    const key = signal.PublicKey.deserialize(bytes(device.identity_key));
    const certificate = signal.SenderCertificate.deserialize(bytes(device.certificate));
    this.#check(certificate, peer, key);
    const { signed_prekey: signed, kyber_prekey: kyber, one_time_prekey: once } = device;
    const prekeys = signal.PreKeyBundle.new(
      device.registration_id,
      device.device_id,
      once ? once.id : null,
      once ? signal.PublicKey.deserialize(bytes(once.public_key)) : null,
      signed.id,
      signal.PublicKey.deserialize(bytes(signed.public_key)),
      bytes(signed.signature),
      key,
      kyber.id,
      signal.KEMPublicKey.deserialize(bytes(kyber.public_key)),
      bytes(kyber.signature),
    );
    const { sessions, identities } = this.#stores;
    await signal.processPreKeyBundle(prekeys, named(peer), named(this.address), sessions, identities);
    this.#registered.set(peer.serviceId, device.registration_id);
    return peer;
  }

  // A message for the relay, and the content id that is sealed in it.
  async seal({ handle, address }, kind, body) {
    const sequence = (this.#sequences.get(address.serviceId) ?? 0) + 1;
    this.#sequences.set(address.serviceId, sequence);
    const contentId = randomBytes(16).toString("hex");
    const content = header.encode(
      {
        contentId,
        kind,
        sequence,
        sentAt: Date.now(),
        sender: this.address,
        recipient: address,
        handle: this.handle,
      },
      Buffer.from(JSON.stringify(body)),
    );
    const { sessions, identities } = this.#stores;
    const envelope = await signal.sealedSenderEncryptMessage(
      Uint8Array.from(pad(content)),
      named(address),
      this.#certificate,
      sessions,
      identities,
    );
    const message = {
      id: randomBytes(16).toString("hex"),
      to: handle,
      device_id: address.deviceId,
      registration_id: await this.#registrationOf(address),
      envelope: base64(envelope),
    };
    return { contentId, message };
  }

  // Opens a delivery: who sealed it and what it says.
  async open({ envelope, stored_at }) {
    const { sessions, identities, prekeys, signed, kyber } = this.#stores;
    const opened = await signal.sealedSenderDecryptMessage(
      bytes(envelope),
      this.#root,
      Date.parse(stored_at),
      null,
      this.address.serviceId,
      this.address.deviceId,
      sessions,
      identities,
      prekeys,
      signed,
      kyber,
    );
    const said = header.decode(Buffer.from(unpad(Buffer.from(opened.message()))));
    const { sender, recipient } = said.header;
    if (sender.serviceId !== opened.senderUuid() || sender.deviceId !== opened.deviceId()) {
      throw new Error("the header names another sender than the seal");
    }
    if (recipient.serviceId !== this.address.serviceId) {
      throw new Error("the header names another recipient");
    }
    return { ...said.header, body: JSON.parse(said.body) };
  }

  // The safety number with a peer: 60 digits, the code that this side shows, and the code that
  // the peer must show.
  async safety(peer) {
    const mine = [uuidBytes(this.address.serviceId), this.#pair.publicKey];
    const key = await this.#stores.identities.getIdentity(named(peer));
    const theirs = [uuidBytes(peer.serviceId), key];
    const { iterations, version } = FINGERPRINT;
    const shown = signal.Fingerprint.new(iterations, version, ...mine, ...theirs);
    const expected = signal.Fingerprint.new(iterations, version, ...theirs, ...mine);
    return {
      digits: shown.displayableFingerprint().toString(),
      code: base64(shown.scannableFingerprint().toBuffer()),
      theirs: base64(expected.scannableFingerprint().toBuffer()),
    };
  }

  // What a registration signs.
  #signed(nonce, key) {
    const handle = Buffer.from(this.handle);
    const registrationId = Buffer.alloc(4);
    registrationId.writeUInt32BE(this.#registrationId);
    return Uint8Array.from(
      Buffer.concat([
        Buffer.from(`${CONTEXT}\0`),
        nonce,
        Buffer.from([handle.length]),
        handle,
        uuidBytes(this.address.serviceId),
        Buffer.from([FIRST_DEVICE]),
        registrationId,
        key,
      ]),
    );
  }

  #check(certificate, owner, key) {
    const genuine =
      certificate.validate(this.#root, Date.now()) &&
      certificate.senderUuid() === owner.serviceId &&
      certificate.senderDeviceId() === owner.deviceId &&
      certificate.key().equals(key);
    if (!genuine) {
      throw new Error(`the certificate of ${owner.serviceId} is not theirs under the root`);
    }
  }

  async #prekeys() {
    const first = randomInt(1, 2 ** 23);
    const once = Array.from({ length: ONE_TIME_PREKEYS }, (_, index) => first + 2 + index);
    this.#stores.kyber.lastResort = first + 1;
    return {
      signed_prekey: await this.#signedPrekey(first),
      last_resort_kyber_prekey: await this.#kyberPrekey(first + 1),
      one_time_prekeys: await Promise.all(once.map((id) => this.#prekey(id))),
      one_time_kyber_prekeys: await Promise.all(once.map((id) => this.#kyberPrekey(id))),
    };
  }

  async #prekey(id) {
    const key = signal.PrivateKey.generate();
    const record = signal.PreKeyRecord.new(id, key.getPublicKey(), key);
    await this.#stores.prekeys.savePreKey(id, record);
    return { id, public_key: base64(key.getPublicKey().serialize()) };
  }

  async #signedPrekey(id) {
    const key = signal.PrivateKey.generate();
    const { publicKey, signature } = this.#sign(key.getPublicKey());
    const record = signal.SignedPreKeyRecord.new(
      id,
      Date.now(),
      key.getPublicKey(),
      key,
      signature,
    );
    await this.#stores.signed.saveSignedPreKey(id, record);
    return { id, public_key: base64(publicKey), signature: base64(signature) };
  }

  async #kyberPrekey(id) {
    const pair = signal.KEMKeyPair.generate();
    const { publicKey, signature } = this.#sign(pair.getPublicKey());
    const record = signal.KyberPreKeyRecord.new(id, Date.now(), pair, signature);
    await this.#stores.kyber.saveKyberPreKey(id, record);
    return { id, public_key: base64(publicKey), signature: base64(signature) };
  }

  #sign(key) {
    const publicKey = key.serialize();
    return { publicKey, signature: this.#pair.privateKey.sign(publicKey) };
  }

  async #registrationOf(peer) {
    const session = await this.#stores.sessions.getSession(named(peer));
    return this.#registered.get(peer.serviceId) ?? session.remoteRegistrationId();
  }
}

function named({ serviceId, deviceId }) {
  return signal.ProtocolAddress.new(serviceId, deviceId);
}
