// What the official client does with alice and bob, in order. The environment says where:
// RELAY and WEB are base addresses, SEED repeats an order. Ends with a report in JSON.
import assert from "node:assert/strict";
import { Device } from "./device.js";
import { KIND } from "./header.js";
import { Order } from "./order.js";
import { Person } from "./person.js";
import { Relay } from "./relay.js";
import { Socket } from "./socket.js";

const HANDLE = "nodeclient";
const ROUNDS = 10;
const MESSAGES = 120;
const DOUBLED = 5;
const RECEIPT_IDS = 50;
const TELEMETRY_WINDOW = 30;
// Repetitions of seven bytes: the longest texts need the fifth size class.
const LONGEST = 1_000;

const { RELAY, WEB, SEED } = process.env;
const order = new Order(Number(SEED));
const relay = new Relay(RELAY);
const people = ["alice", "bob"].map((handle) => new Person(WEB, handle));
const [alice, bob] = people;

const device = new Device(HANDLE);
await device.register(relay);
const socket = await Socket.open(relay, HANDLE);

// Per person: where they are, what they must receive, and what they have confirmed.
const sent = new Map(people.map((person) => [person, []]));
const confirmed = new Set();
// Content ids by sender, which are owed a receipt.
const owed = new Map(people.map((person) => [person, []]));

// 1. Alice opens a session with us, and we answer on it.
await alice.say(HANDLE, "hello from alice");
const [hello] = await textsFrom(1);
assert.equal(hello.text, "hello from alice");
assert.equal(hello.from, alice);
alice.address = hello.address;
await say(alice, "hello alice", viaRelay);
await heard(alice);

// 2. We open a session with bob, and he answers on it.
bob.address = await device.meet(await relay.bundle("bob"));
await say(bob, "hello bob", viaSocket);
await heard(bob);
await bob.say(HANDLE, "hello from bob");
const [answer] = await textsFrom(1);
assert.equal(answer.from, bob);
assert.deepEqual(answer.address, bob.address);

// 3. Turn by turn, so that both ratchets turn.
for (let round = 0; round < ROUNDS; round += 1) {
  for (const person of people) {
    await say(person, `ping ${round}`, round % 2 ? viaRelay : viaSocket);
    await heard(person);
    await person.say(HANDLE, `pong ${round}`);
    const [pong] = await textsFrom(1);
    assert.equal(pong.text, `pong ${round}`);
  }
}

// 4. Many at once to each, in another order than they were sealed, and some of them twice.
const sealed = [];
for (let number = 0; number < MESSAGES; number += 1) {
  for (const person of people) {
    sealed.push(await seal(person, long(number)));
  }
}
const twice = order.shuffled(sealed).slice(0, DOUBLED);
const doubled = twice.map((message) => ({ ...message, id: message.id.split("").reverse().join("") }));
for (const [index, message] of order.shuffled([...sealed, ...doubled]).entries()) {
  await (index % 2 ? viaRelay : viaSocket)(message);
}
await socket.settled();
await Promise.all(people.map(heard));

// 5. Many at once from each, opened in another order than they arrived.
const wanted = new Map();
for (let number = 0; number < MESSAGES; number += 1) {
  for (const person of people) {
    wanted.set(await person.say(HANDLE, long(number)), long(number));
  }
}
const texts = await textsFrom(wanted.size);
assert.equal(texts.length, wanted.size);
for (const { contentId, text } of texts) {
  assert.equal(text, wanted.get(contentId));
}

// 6. Receipts, both ways.
for (const person of people) {
  const ids = owed.get(person);
  for (let at = 0; at < ids.length; at += RECEIPT_IDS) {
    const receipt = {
      content_ids: ids.slice(at, at + RECEIPT_IDS),
      telemetry_window: TELEMETRY_WINDOW,
    };
    const { message } = await device.seal(person, KIND.receipt, receipt);
    await viaRelay(message);
  }
}
const everything = people.flatMap((person) => sent.get(person).map(({ contentId }) => contentId));
while (!everything.every((id) => confirmed.has(id))) {
  await take(1);
}
await socket.settled();
socket.close();

const report = { service_id: device.address.serviceId, people: {} };
for (const person of people) {
  report.people[person.handle] = {
    safety: await device.safety(person.address),
    sent: sent.get(person).length,
    received: owed.get(person),
  };
}
console.log(JSON.stringify(report));

async function viaRelay(message) {
  await relay.send(message);
}

async function viaSocket(message) {
  socket.send(message);
}

async function seal(person, text) {
  const { contentId, message } = await device.seal(person, KIND.text, { text });
  sent.get(person).push({ contentId, text });
  return message;
}

async function say(person, text, way) {
  await way(await seal(person, text));
}

// Waits until a person has everything that was sent to them, once.
async function heard(person) {
  const all = sent.get(person);
  const received = await person.receivedFrom(HANDLE, all.length);
  const ordered = (list, id) => list.map((one) => `${one[id]} ${one.text}`).sort();
  assert.deepEqual(ordered(received, "id"), ordered(all, "contentId"));
}

// At least so many texts, opened in an order of ours.
async function textsFrom(atLeast) {
  const texts = [];
  while (texts.length < atLeast) {
    texts.push(...(await take(atLeast - texts.length)));
  }
  return texts;
}

// Opens what was delivered, at least so much, and returns the texts among it.
async function take(atLeast) {
  const texts = [];
  for (const delivery of order.shuffled(await socket.deliveries(atLeast))) {
    const opened = await device.open(delivery);
    const from = people.find(({ handle }) => handle === opened.handle);
    if (opened.kind === KIND.receipt) {
      opened.body.content_ids.forEach((id) => confirmed.add(id));
    } else {
      assert.equal(opened.kind, KIND.text);
      owed.get(from).push(opened.contentId);
      texts.push({ contentId: opened.contentId, from, address: opened.sender, text: opened.body.text });
    }
  }
  return texts;
}

// Another length and other letters for each number.
function long(number) {
  return `${number} ${"ä😀z".repeat(Math.min(number * number, LONGEST))}`;
}
