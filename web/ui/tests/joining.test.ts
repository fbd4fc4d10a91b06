import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inviteCommand, nameTrouble, relayTrouble, type Wish } from '../src/dashboard/joining.ts';

const wish: Wish = { name: '', relay: '', expires: '24h', uses: 1 };

test('the command says only what differs from its defaults', () => {
  assert.equal(inviteCommand(wish), 'sysmaint invite');
  assert.equal(
    inviteCommand({ name: 'diagprobe-web1', relay: 'https://relay.example/', expires: '1h', uses: 7 }),
    'sysmaint invite --relay https://relay.example --handle diagprobe-web1 --expires 1h',
  );
  assert.equal(inviteCommand({ ...wish, uses: 20 }), 'sysmaint invite --uses 20');
  assert.equal(inviteCommand({ ...wish, relay: 'http://[2001:db8::1]:8080' }), "sysmaint invite --relay 'http://[2001:db8::1]:8080'");
});

test('nothing that a shell would take otherwise gets into the command', () => {
  for (const relay of ['https://a.example;reboot', 'https://a.example/$(id)', 'https://a/?q=1&b', "https://a'b", 'ftp://a', 'relay.example']) {
    assert.equal(inviteCommand({ ...wish, relay }), null, relay);
    assert.notEqual(relayTrouble(relay), '', relay);
  }
  for (const name of ['Web1', '-web', 'a b', 'a;b', 'x'.repeat(64), '$(id)']) {
    assert.equal(inviteCommand({ ...wish, name }), null, name);
    assert.notEqual(nameTrouble(name), '', name);
  }
});

test('a life or a count that the command would refuse makes none', () => {
  assert.equal(inviteCommand({ ...wish, expires: '99y' }), null);
  for (const uses of [0, 101, 1.5, NaN]) assert.equal(inviteCommand({ ...wish, uses }), null, String(uses));
});
