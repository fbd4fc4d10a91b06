// What every page's frame does: the theme button, the link pill, the names in the footer.

import { byId, setText } from './dom.js';
import { plural } from './format.js';
import { startTheme } from './theme.js';

/** How often to ask while no events arrive, in milliseconds. */
const POLL_MS = 5000;

/**
 * Starts the frame and the messenger.
 * @param {import('./messenger.js').Messenger} messenger
 */
export function startNav(messenger) {
  startTheme(byId('theme'));
  let link = null;
  let reached = true;
  const show = () => showLink(byId('link-pill'), messenger.connection, reached, link);
  const read = async () => {
    try {
      link = await messenger.link();
      reached = true;
    } catch (error) {
      reached = error.status > 0;
      link = null;
    }
    show();
  };
  messenger.addEventListener('fresh', read);
  messenger.addEventListener('connection', show);
  messenger.addEventListener('link', (event) => {
    link = event.detail;
    reached = true;
    show();
  });
  setInterval(() => {
    if (messenger.connection !== 'live' && !document.hidden) read();
  }, POLL_MS);
  showNames(messenger);
  show();
  messenger.start();
}

async function showNames(messenger) {
  try {
    const about = await messenger.about();
    for (const node of document.querySelectorAll('[data-name]')) {
      setText(node, about[node.dataset.name] ?? node.textContent);
    }
    setText(byId('version'), about.version);
  } catch {
    // The usual names stand in the page already.
  }
}

function showLink(pill, connection, reached, link) {
  const [state, text, title] = judge(connection, reached, link);
  pill.dataset.state = state;
  pill.title = title;
  setText(pill.querySelector('.pill-text'), text);
}

function judge(connection, reached, link) {
  if (!reached) return ['bad', 'Server away', 'The web server cannot be reached'];
  if (connection === 'reconnecting') {
    return ['warn', 'Reconnecting', 'The event stream broke; asking every 5 s until it is back'];
  }
  if (!link) return ['idle', 'Connecting', 'Waiting for the first word of the endpoint'];
  if (!link.connected) {
    return ['bad', 'Bus away', `The bus is not connected; ${plural(link.outbox_waiting, 'message')} wait sealed`];
  }
  if (connection === 'live') return ['good', 'Live', 'The bus is connected and events arrive'];
  return ['idle', 'Connecting', 'Opening the event stream'];
}
