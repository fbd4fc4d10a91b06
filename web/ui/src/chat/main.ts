import '../tokens.css';
import '../base.css';

import { mount } from 'svelte';

import { ServerMessenger } from '../messenger/server.ts';
import Chat from './Chat.svelte';

mount(Chat, { target: document.getElementById('app')!, props: { messenger: new ServerMessenger() } });
